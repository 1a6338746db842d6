// SPDX-License-Identifier: Apache-2.0
// Per-target include: gathering source values for runs of grid points, tap by tap.
#if defined(INGRAD_KERNELS_CPU_CONV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_CONV_INL_H_
#undef INGRAD_KERNELS_CPU_CONV_INL_H_
#else
#define INGRAD_KERNELS_CPU_CONV_INL_H_
#endif

#include "kernels/conv_blocks.h"
#include "kernels/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// Consecutive grid points of one row of one image.
struct Run {
  std::int64_t at;       // position among the block's pixels
  std::int64_t count;    // at most a panel's width
  std::int64_t image;    // element offset of the image in src
  std::int64_t z, y, x;  // source position of the first point, before the tap's offset
  std::int64_t out;      // element offset of the first point in out, for channel 0
};

// Cuts pixels [begin, begin + count) at the ends of grid rows and at multiples of `width` from
// `begin`. Returns the number of runs, at most `count`.
template <class Args>
HWY_INLINE std::int64_t cut_runs(const Args& a, std::int64_t begin, std::int64_t count,
                                 std::int64_t width, Run* runs) {
  const std::int64_t points = product(a.grid);
  std::int64_t made = 0;
  for (std::int64_t at = 0; at < count; ++made) {
    const std::int64_t n = (begin + at) / points, point = (begin + at) % points;
    const std::int64_t z = point / (a.grid[1] * a.grid[2]), y = point / a.grid[2] % a.grid[1];
    const std::int64_t x = point % a.grid[2];
    Run& run = runs[made];
    run.at = at;
    run.count = std::min({a.grid[2] - x, count - at, width - at % width});
    run.image = n * a.src_batch;
    run.z = z * a.step[0];
    run.y = y * a.step[1];
    run.x = x * a.step[2];
    run.out =
        n * a.out_batch + a.out_base + z * a.out_step[0] + y * a.out_step[1] + x * a.out_step[2];
    at += run.count;
  }
  return made;
}

// Copies `rows` rows of `count` (at most a panel's width) points: dst[r * dst_step + i] =
// src[r * src_step + i * step] for low <= i < high, zero for the other i < count.
template <class T>
HWY_INLINE void copy_rows(const T* src, std::int64_t src_step, std::int64_t step, std::int64_t low,
                          std::int64_t high, std::int64_t count, std::int64_t rows, T* dst,
                          std::int64_t dst_step) {
  const Tag<T> d;
  constexpr std::int64_t kWidth = kPanelWidth<T>;
  if (step == 1 && low == 0 && high == kWidth) {
    for (std::int64_t r = 0; r < rows; ++r, src += src_step, dst += dst_step) {
#pragma GCC unroll 4
      for (std::int64_t j = 0; j < kWidth; j += kLanes<T>) {
        hn::StoreU(hn::LoadU(d, src + j), d, dst + j);
      }
    }
    return;
  }
  if constexpr (kMasked) {
    if (step == 1 && low < high) {
      for (std::int64_t j = 0; j < count; j += kLanes<T>) {
        const auto ahead =
            static_cast<std::size_t>(std::clamp<std::int64_t>(low - j, 0, kLanes<T>));
        const auto until =
            static_cast<std::size_t>(std::clamp<std::int64_t>(high - j, 0, kLanes<T>));
        const auto exists = static_cast<std::size_t>(std::min(count - j, kLanes<T>));
        const auto load = hn::AndNot(hn::FirstN(d, ahead), hn::FirstN(d, until));
        const auto store = hn::FirstN(d, exists);
        for (std::int64_t r = 0; r < rows; ++r) {
          hn::BlendedStore(hn::MaskedLoad(load, d, src + r * src_step + j), store, d,
                           dst + r * dst_step + j);
        }
      }
      return;
    }
  }
  for (std::int64_t r = 0; r < rows; ++r, src += src_step, dst += dst_step) {
    for (std::int64_t i = 0; i < low; ++i) dst[i] = T(0);
    for (std::int64_t i = low; i < high; ++i) dst[i] = src[i * step];
    for (std::int64_t i = std::max(low, high); i < count; ++i) dst[i] = T(0);
  }
}

// Rows k of the unfolded source, k = channel * taps + tap in [begin, end), for one run of points:
// row k goes to dst + (k - begin) * dst_step. `src` is the group's first channel.
template <class T, class Args>
HWY_INLINE void gather_run(const Args& a, const T* src, const Run& run, std::int64_t begin,
                           std::int64_t end, T* dst, std::int64_t dst_step) {
  for (std::int64_t tap = 0; tap < a.taps; ++tap) {
    const std::int64_t c0 = ceil_div(std::max<std::int64_t>(begin - tap, 0), a.taps);
    const std::int64_t c1 = ceil_div(std::max<std::int64_t>(end - tap, 0), a.taps);
    if (c0 >= c1) continue;
    const std::int64_t* const offset = a.tap_offset + 3 * tap;
    const std::int64_t z = run.z + offset[0], y = run.y + offset[1], x = run.x + offset[2];
    const std::int64_t step = a.step[2];
    std::int64_t low = 0, high = 0;
    if (z >= 0 && z < a.size[0] && y >= 0 && y < a.size[1]) {
      low = x >= 0 ? 0 : std::min(run.count, ceil_div(-x, step));
      high = x >= a.size[2] ? low : std::clamp(ceil_div(a.size[2] - x, step), low, run.count);
    }
    const T* const from =
        src + run.image + c0 * a.src_channel + (z * a.size[1] + y) * a.size[2] + x;
    copy_rows(from, a.src_channel, step, low, high, run.count, c1 - c0,
              dst + (c0 * a.taps + tap - begin) * dst_step, a.taps * dst_step);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
