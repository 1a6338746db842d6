// SPDX-License-Identifier: Apache-2.0
// Per-target include: filling strips (see conv_strips.h) and the register tile that reads them.
#if defined(INGRAD_KERNELS_CPU_CONV_STRIPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_CONV_STRIPS_INL_H_
#undef INGRAD_KERNELS_CPU_CONV_STRIPS_INL_H_
#else
#define INGRAD_KERNELS_CPU_CONV_STRIPS_INL_H_
#endif

#include "kernels/cpu/conv_strips.h"
#include "kernels/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

template <class T>
HWY_INLINE void copy_values(const T* src, std::int64_t n, T* dst) {
  const Tag<T> d;
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) hn::StoreU(hn::LoadU(d, src + i), d, dst + i);
  if (i < n) {
    const auto rest = static_cast<std::size_t>(n - i);
    store_head<T>(load_head(src + i, rest), dst + i, rest);
  }
}

template <class T>
HWY_INLINE void zero_values(std::int64_t n, T* dst) {
  const Tag<T> d;
  for (std::int64_t i = 0; i < n; i += kLanes<T>) {
    store_head<T>(hn::Zero(d), dst + i, static_cast<std::size_t>(n - i));
  }
}

// dst[i] = src[i * step + at] for i < n where that index is in [0, size), else zero.
template <class T>
HWY_INLINE void fill_row(const T* src, std::int64_t size, std::int64_t step, std::int64_t at,
                         std::int64_t n, T* dst) {
  if (step == 1) {
    const std::int64_t low = std::clamp<std::int64_t>(-at, 0, n);
    copy_between(src + at, low, std::clamp<std::int64_t>(size - at, low, n), n, dst);
    return;
  }
  if constexpr (kMasked) {
    if (step == 2) {
      const Tag<T> d;
      for (std::int64_t i = 0; i < n; i += kLanes<T>) {
        Vec<T> half[2];
        for (int h = 0; h < 2; ++h) {
          const std::int64_t from = 2 * i + at + h * kLanes<T>;
          const auto skip = static_cast<std::size_t>(std::clamp<std::int64_t>(-from, 0, kLanes<T>));
          const auto end =
              static_cast<std::size_t>(std::clamp<std::int64_t>(size - from, 0, kLanes<T>));
          half[h] =
              hn::MaskedLoad(hn::AndNot(hn::FirstN(d, skip), hn::FirstN(d, end)), d, src + from);
        }
        store_head<T>(hn::ConcatEven(d, half[1], half[0]), dst + i,
                      static_cast<std::size_t>(n - i));
      }
      return;
    }
  }
  const std::int64_t low = std::clamp<std::int64_t>(at < 0 ? ceil_div(-at, step) : 0, 0, n);
  const std::int64_t high =
      size > at ? std::clamp<std::int64_t>(ceil_div(size - at, step), low, n) : low;
  zero_values(low, dst);
  for (std::int64_t i = low; i < high; ++i) dst[i] = src[i * step + at];
  zero_values(n - high, dst + high);
}

// Whole rows of a plane as wide as the grid: one copy, shifted by the offset, and zeros where the
// shift has brought in a neighbouring row. Rows [low, high) exist; `src` is row `low`.
template <class T>
HWY_INLINE void fill_shifted(const T* src, std::int64_t width, std::int64_t offset,
                             std::int64_t low, std::int64_t high, T* dst) {
  const std::int64_t n = (high - low) * width;
  const std::int64_t left = std::clamp<std::int64_t>(-offset, 0, width);
  const std::int64_t right = std::clamp<std::int64_t>(offset, 0, width);
  T* const to = dst + low * width;
  if (left == width || right == width) {
    zero_values(n, to);
    return;
  }
  copy_values(src + left + offset, n - left - right, to + left);
  for (std::int64_t row = 0; row < n; row += width) {
    for (std::int64_t i = 0; i < left; ++i) to[row + i] = T(0);
    for (std::int64_t i = width - right; i < width; ++i) to[row + i] = T(0);
  }
}

// All strips of one channel (`src`: its volume) for `rows` grid rows from (z, y), points from x.
template <class T, class Args>
HWY_INLINE void fill_strips(const Args& a, const ConvStrips& s, const ConvStrip* strips,
                            const T* src, std::int64_t z, std::int64_t y, std::int64_t x,
                            std::int64_t rows, std::int64_t width, T* dst) {
  const std::int64_t strip_rows = rows + s.reach[1];
  const bool whole =
      s.shifted && a.step[1] == 1 && a.step[2] == 1 && a.size[2] == width && a.grid[2] == width;
  for (std::int64_t k = 0; k < s.count; ++k, dst += s.strip) {
    for (std::int64_t i = 0; i <= s.reach[0]; ++i) {
      const std::int64_t from_z = (z + s.low[0] + i) * a.step[0] + strips[k].z;
      const std::int64_t first_y = (y + s.low[1]) * a.step[1] + strips[k].y;
      T* const to = dst + i * s.strip_rows * s.pitch;
      if (from_z < 0 || from_z >= a.size[0]) {
        zero_values(strip_rows * s.pitch, to);
        continue;
      }
      const T* const plane = src + from_z * a.size[1] * a.size[2];
      const std::int64_t low =
          std::clamp<std::int64_t>(first_y < 0 ? ceil_div(-first_y, a.step[1]) : 0, 0, strip_rows);
      const std::int64_t high = std::clamp<std::int64_t>(
          a.size[1] > first_y ? ceil_div(a.size[1] - first_y, a.step[1]) : 0, low, strip_rows);
      zero_values(low * s.pitch, to);
      if (whole) {
        fill_shifted(plane + (first_y + low) * width, width, strips[k].x, low, high, to);
      } else {
        for (std::int64_t r = low; r < high; ++r) {
          fill_row(plane + (first_y + r * a.step[1]) * a.size[2], a.size[2], a.step[2],
                   (x + s.low[2]) * a.step[2] + strips[k].x, width + s.reach[2], to + r * s.pitch);
        }
      }
      zero_values((strip_rows - high) * s.pitch, to + high * s.pitch);
    }
  }
}

// One part of the sum for `rows` output channels and up to two vectors of points, from operands
// where they lie: step p reads the weights at a + steps[2p] and the points at b + steps[2p + 1].
template <class T>
struct StripJob {
  std::int64_t k = 0;
  const std::int64_t* steps = nullptr;
  const T* a = nullptr;
  std::int64_t a_row = 0;
  std::int64_t ahead = 0;  // elements of A that are asked for before their use
  const T* b[kTileVectors] = {};
  T* c[kTileVectors] = {};
  std::size_t count[kTileVectors] = {};  // of points that exist
  std::int64_t c_step = 0;
  bool add = false;
  const T* row_bias = nullptr;
  bool relu = false;
  const T* residual[kTileVectors] = {};  // laid out as C
  const std::uint8_t* gate = nullptr;
  std::int64_t gate_at[kTileVectors] = {};  // the bits for the first elements of C
};

template <class T, int kRows, int kVectors>
HWY_NOINLINE void strip_tile(const StripJob<T>& t) {
  const Tag<T> d;
  Vec<T> sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::Zero(d);
  }
  const std::int64_t* steps = t.steps;
  const std::int64_t* const end = steps + 2 * t.k;
  const std::int64_t a_row = t.a_row, ahead = t.ahead;
  const T* const a = t.a;
  const T* const b0 = t.b[0];
  const T* const b1 = t.b[kVectors - 1];
  for (; steps != end; steps += 2) {
    Vec<T> row[kVectors];
    row[0] = hn::LoadU(d, b0 + steps[1]);
    if constexpr (kVectors > 1) row[1] = hn::LoadU(d, b1 + steps[1]);
    // One pointer per three rows: what addressing modes reach.
    const T* HWY_RESTRICT x = a + steps[0];
    hwy::Prefetch(x + ahead);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      if (i > 0 && i % 3 == 0) x += 3 * a_row;
      const Vec<T> w = hn::Set(d, x[i % 3 * a_row]);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::MulAdd(w, row[j], sum[i][j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      T* const c = t.c[j] + i * t.c_step;
      Vec<T> v = sum[i][j];
      if (t.add) v = hn::Add(load_head(c, t.count[j]), v);
      if (t.row_bias) v = hn::Add(v, hn::Set(d, t.row_bias[i]));
      if (t.residual[j]) v = hn::Add(v, load_head(t.residual[j] + i * t.c_step, t.count[j]));
      if (t.relu) v = relu<T>(v);
      if (t.gate) v = gated<T>(v, t.gate, t.gate_at[j] + i * t.c_step);
      store_head<T>(v, c, t.count[j]);
    }
  }
}

template <class T>
using StripFn = void (*)(const StripJob<T>&);

template <class T, int kVectors, int... kIndex>
constexpr std::array<StripFn<T>, sizeof...(kIndex)> strip_tiles_of(
    std::integer_sequence<int, kIndex...>) {
  return {strip_tile<T, kIndex + 1, kVectors>...};
}

// Runs the tile of `rows` (1 to kTileRows) by `vectors` (1 or 2).
template <class T>
HWY_INLINE void run_strip_tile(const StripJob<T>& job, std::int64_t rows, int vectors) {
  constexpr auto kAll = std::make_integer_sequence<int, kTileRows>();
  static constexpr auto kOne = strip_tiles_of<T, 1>(kAll);
  static constexpr auto kTwo = strip_tiles_of<T, kTileVectors>(kAll);
  const auto i = static_cast<std::size_t>(rows - 1);
  (vectors == 1 ? kOne : kTwo)[i](job);
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
