// SPDX-License-Identifier: Apache-2.0
// Weight gradient: a matrix product summed over pixels. Both operands lie with pixels contiguous,
// so that both are transposed while they are packed; the source is unfolded first.
#include "kernels/cpu/conv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_weight_gather.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/conv-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

template <class T>
HWY_INLINE void weight_gather_block(const ConvWeightGradArgs& a,
                                    const ConvWeightGradBlocks::Block& block, T* scratch) {
  constexpr std::int64_t kWidth = kPanelWidth<T>;
  const Depth depth(a.batch * product(a.grid));
  const std::int64_t columns = round_up(block.columns, kWidth);
  const std::int64_t rows = tile_rows(block.rows);
  const std::int64_t first_row = block.group * a.out_channels + block.row;
  T* const tile = scratch;                                            // [pixel][kTileStride]
  T* const unfolded = tile + round_up(depth.part * kTileStride, 64);  // [column][pixel]
  T* const panels = unfolded + round_up(depth.part * kWidth, 64);     // [panel][pixel][width]
  T* const sums = panels + round_up(depth.part * block.columns + depth.part * kWidth, 64);
  const T* const src = static_cast<const T*>(a.src) + block.group * a.in_channels * a.src_channel;
  const T* const out = static_cast<const T*>(a.out) + first_row * a.out_channel;
  Run runs[Depth::kDepth];

  for (std::int64_t part = 0; part < depth.parts; ++part) {
    const std::int64_t k = depth.size(part);
    const std::int64_t count = cut_runs(a, depth.begin(part), k, kWidth, runs);
    for (std::int64_t j = 0; j < columns; j += kWidth) {
      const std::int64_t lanes = std::min(kWidth, block.columns - j);
      for (std::int64_t i = 0; i < count; ++i) {
        gather_run(a, src, runs[i], block.column + j, block.column + j + lanes,
                   unfolded + runs[i].at, k);
      }
      pack_panel<T, kWidth>(unfolded, k, 1, lanes, k, panels + j * k);
    }
    TileJob<T> job;
    job.k = k;
    job.a = tile;
    job.c_step = columns;
    job.columns = static_cast<std::size_t>(kWidth);
    job.add = part > 0;
    for (std::int64_t i = 0; i < block.rows; i += rows) {
      const std::int64_t m = std::min(rows, block.rows - i);
      for (std::int64_t q = 0; q < count;) {
        // Runs that continue each other in memory are packed as one.
        std::int64_t length = runs[q].count, next = q + 1;
        while (next < count && a.out_step[2] == 1 && runs[next].out == runs[q].out + length) {
          length += runs[next++].count;
        }
        pack_panel<T, kTileStride>(out + i * a.out_channel + runs[q].out, a.out_channel,
                                   a.out_step[2], m, length, tile + runs[q].at * kTileStride);
        q = next;
      }
      for (std::int64_t j = 0; j < columns; j += kWidth) {
        job.b = panels + j * k;
        job.c = sums + i * columns + j;
        run_tile(job, m);
      }
    }
  }

  T* const w = static_cast<T*>(a.w) + block.group * a.w_group + block.row * a.w_out;
  for (std::int64_t m = 0; m < block.rows; ++m) {
    for (std::int64_t j = 0; j < block.columns; ++j) {
      const std::int64_t c = (block.column + j) / a.taps, tap = (block.column + j) % a.taps;
      w[m * a.w_out + c * a.w_in + a.tap_weight[tap]] = sums[m * columns + j];
    }
  }
}

template <class T>
HWY_INLINE void weight_gather(const ConvWeightGradArgs& a, Range r) {
  const ConvWeightGradBlocks blocks(a);
  for (std::int64_t u = r.begin; u < r.end;) {
    const ConvWeightGradBlocks::Block block = blocks.first(u, r.end);
    weight_gather_block(a, block, static_cast<T*>(r.scratch));
    u += block.units;
  }
}

void run_weight_gather_f32(const ConvWeightGradArgs& a, Range r) { weight_gather<float>(a, r); }
void run_weight_gather_f64(const ConvWeightGradArgs& a, Range r) { weight_gather<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_weight_gather_f32);
HWY_EXPORT(run_weight_gather_f64);

void weight_gather_f32(const ConvWeightGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_weight_gather_f32)(a, r);
}
void weight_gather_f64(const ConvWeightGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_weight_gather_f64)(a, r);
}

std::int64_t weight_gather_scratch_bytes(const ConvWeightGradArgs& a) {
  constexpr std::int64_t kPanel = ConvWeightGradBlocks::kPanel;
  const std::int64_t part = Depth(a.batch * product(a.grid)).part;
  const ConvWeightGradBlocks blocks(a);
  const std::int64_t columns = blocks.columns + kPanel;
  return 8 * (part * (blocks.rows + kPanel + columns) +
              round_up(a.out_channels, blocks.rows) * columns + 4 * 64);
}

}  // namespace ingrad::kernels::cpu
#endif
