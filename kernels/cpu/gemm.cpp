// SPDX-License-Identifier: Apache-2.0
// Matrix product by packed panels: per block of columns and per part of the sum, B is packed once;
// then some tiles of A at a time, and each panel meets all of them.
#include "kernels/cpu/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/gemm.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/activation-inl.h"
#include "kernels/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// Elements before part `begin` of the sum in B packed as a whole.
template <class T>
HWY_INLINE std::int64_t packed_at(const GemmArgs& a, std::int64_t begin) {
  return begin * round_up(a.n, kPanelWidth<T>);
}

template <class T>
HWY_INLINE void pack_all(const GemmArgs& a, T* panels) {
  constexpr std::int64_t kWidth = kPanelWidth<T>;
  const Depth depth(a.k);
  for (std::int64_t part = 0; part < depth.parts; ++part) {
    const std::int64_t k = depth.size(part), begin = depth.begin(part);
    T* const to = panels + packed_at<T>(a, begin);
    for (std::int64_t j = 0; j < a.n; j += kWidth) {
      pack_panel<T, kWidth>(static_cast<const T*>(a.b) + begin * a.b_row + j * a.b_col, a.b_col,
                            a.b_row, std::min(kWidth, a.n - j), k, to + j * k);
    }
  }
}

template <class T>
HWY_INLINE void gemm_block(const GemmArgs& a, const GemmBlocks::Block& block, T* scratch) {
  const T* pa =
      static_cast<const T*>(a.a) + (a.a_offset ? a.a_offset[block.batch] : 0) + block.row * a.a_row;
  const T* pb = static_cast<const T*>(a.b) + (a.b_offset ? a.b_offset[block.batch] : 0) +
                block.column * a.b_col;
  T* pc = static_cast<T*>(a.c) + (a.c_offset ? a.c_offset[block.batch] : 0) + block.row * a.c_row +
          block.column;
  const T* const bias = a.bias ? static_cast<const T*>(a.bias) + block.column : nullptr;
  constexpr std::int64_t kWidth = kPanelWidth<T>;
  const Depth depth(a.k);
  const std::int64_t rows = tile_rows(block.rows);
  const std::int64_t together = std::max<std::int64_t>(1, kPackedRows / rows) * rows;
  T* const a_tiles = scratch;  // [tile][k][kTileStride]
  T* const b_panels = scratch + round_up(depth.part * packed_a_stride(a), 64 / sizeof(T));
  // Few tiles use a panel too seldom to repay packing where B's rows are contiguous.
  const T* const prepacked = static_cast<const T*>(a.panels);
  const bool in_place = !prepacked && a.b_col == 1 && block.rows <= 2 * kTileRows;

  for (std::int64_t part = 0; part < depth.parts; ++part) {
    const std::int64_t k = depth.size(part);
    const T* const a_part = pa + depth.begin(part) * a.a_col;
    const T* const b_part = pb + depth.begin(part) * a.b_row;
    const std::int64_t packed_from = in_place ? block.columns / kWidth * kWidth : 0;
    const T* const panels =
        prepacked ? prepacked + packed_at<T>(a, depth.begin(part)) + block.column * k : b_panels;
    for (std::int64_t j = packed_from; j < block.columns && !prepacked; j += kWidth) {
      pack_panel<T, kWidth>(b_part + j * a.b_col, a.b_col, a.b_row,
                            std::min(kWidth, block.columns - j), k, b_panels + j * k);
    }
    TileJob<T> job;
    job.k = k;
    job.c_step = a.c_row;
    job.add = part > 0 || a.accumulate;
    const bool last = part + 1 == depth.parts;
    job.relu = last && a.activation == Activation::relu;
    for (std::int64_t first = 0; first < block.rows; first += together) {
      const std::int64_t end = std::min(first + together, block.rows);
      for (std::int64_t i = first; i < end; i += rows) {
        pack_panel<T, kTileStride>(a_part + i * a.a_row, a.a_row, a.a_col, std::min(rows, end - i),
                                   k, a_tiles + (i - first) / rows * k * kTileStride);
      }
      for (std::int64_t j = 0; j < block.columns; j += kWidth) {
        const bool packed = j >= packed_from;
        job.b = packed ? panels + j * k : b_part + j;
        job.b_step = packed ? kWidth : a.b_row;
        job.columns = static_cast<std::size_t>(std::min(kWidth, block.columns - j));
        job.column_bias = last && bias ? bias + j : nullptr;
        // A panel stays in the first-level cache for all tiles.
        for (std::int64_t i = first; i < end; i += rows) {
          job.a = a_tiles + (i - first) / rows * k * kTileStride;
          job.c = pc + i * a.c_row + j;
          const std::int64_t in_c = job.c - static_cast<T*>(a.c);
          job.residual = last && a.residual ? static_cast<const T*>(a.residual) + in_c : nullptr;
          job.gate = last ? a.gate : nullptr;
          job.gate_at = in_c;
          // Panels that were packed beforehand follow each other; the next one is fetched from the
          // third-level cache or memory while this one is in use, half of it by each tile.
          job.ahead = job.b + kWidth * k + (i == first ? 0 : kWidth * k / 2);
          job.factor = last && a.factor ? static_cast<const T*>(a.factor) + in_c : nullptr;
          run_tile(job, std::min(rows, end - i));
          if (last && is_smooth(a.activation)) {
            activate<T>(a.activation, std::min(rows, end - i), job.columns, a.c_row, job.c,
                        a.slope ? static_cast<T*>(a.slope) + in_c : nullptr);
          }
        }
      }
    }
  }
}

template <class T>
HWY_INLINE void gemm(const GemmArgs& a, Range r) {
  const GemmBlocks blocks(a);
  for (std::int64_t u = r.begin; u < r.end;) {
    const GemmBlocks::Block block = blocks.first(u, r.end);
    gemm_block(a, block, static_cast<T*>(r.scratch));
    u += block.units;
  }
}

void run_gemm_f32(const GemmArgs& a, Range r) { gemm<float>(a, r); }
void run_gemm_f64(const GemmArgs& a, Range r) { gemm<double>(a, r); }
void pack_f32(const GemmArgs& a, void* panels) { pack_all(a, static_cast<float*>(panels)); }
void pack_f64(const GemmArgs& a, void* panels) { pack_all(a, static_cast<double*>(panels)); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_gemm_f32);
HWY_EXPORT(run_gemm_f64);
HWY_EXPORT(pack_f32);
HWY_EXPORT(pack_f64);

void gemm_f32(const GemmArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(run_gemm_f32)(a, r); }
void gemm_f64(const GemmArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(run_gemm_f64)(a, r); }
void pack_gemm_f32(const GemmArgs& a, void* panels) { HWY_DYNAMIC_DISPATCH(pack_f32)(a, panels); }
void pack_gemm_f64(const GemmArgs& a, void* panels) { HWY_DYNAMIC_DISPATCH(pack_f64)(a, panels); }

// Exact and rare: row by row, so that the inner loop runs along contiguous C. Overflow wraps.
void gemm_i64(const GemmArgs& a, Range r) {
  const GemmBlocks blocks(a);
  const auto* bias = static_cast<const std::uint64_t*>(a.bias);
  for (std::int64_t u = r.begin; u < r.end;) {
    const GemmBlocks::Block block = blocks.first(u, r.end);
    u += block.units;
    const auto* pa = static_cast<const std::uint64_t*>(a.a) +
                     (a.a_offset ? a.a_offset[block.batch] : 0) + block.row * a.a_row;
    const auto* pb = static_cast<const std::uint64_t*>(a.b) +
                     (a.b_offset ? a.b_offset[block.batch] : 0) + block.column * a.b_col;
    auto* pc = static_cast<std::uint64_t*>(a.c) + (a.c_offset ? a.c_offset[block.batch] : 0) +
               block.row * a.c_row + block.column;
    for (std::int64_t i = 0; i < block.rows; ++i) {
      std::uint64_t* const c = pc + i * a.c_row;
      for (std::int64_t j = 0; j < block.columns; ++j) {
        c[j] = (a.accumulate ? c[j] : 0) + (bias ? bias[block.column + j] : 0);
      }
      for (std::int64_t p = 0; p < a.k; ++p) {
        const std::uint64_t x = pa[i * a.a_row + p * a.a_col];
        for (std::int64_t j = 0; j < block.columns; ++j) {
          c[j] += x * pb[p * a.b_row + j * a.b_col];
        }
      }
      if (a.activation == Activation::relu) {
        for (std::int64_t j = 0; j < block.columns; ++j) {
          if (static_cast<std::int64_t>(c[j]) < 0) c[j] = 0;
        }
      }
    }
  }
}

}  // namespace ingrad::kernels::cpu
#endif
