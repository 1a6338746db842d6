// SPDX-License-Identifier: Apache-2.0
// Turning 16 images into lanes and back, four points at a time: the four blocks of a vector hold
// images 0, 4, 8 and 12 (then 1, 5, ... and so on), and each block of four such vectors is
// transposed in place.
#include "kernels/cpu/image_lanes.h"

#include <algorithm>

#include "kernels/gemm_blocks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/image_lanes.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

using D = Tag<float>;
using V = Vec<float>;
constexpr std::int64_t kVector = hn::MaxLanes(D());

// The 4 x 4 matrices whose rows are the b-th blocks of the four vectors.
HWY_INLINE void transpose(V (&v)[4]) {
  const D d;
  const hn::Repartition<double, D> d2;
  const auto low01 = hn::BitCast(d2, hn::InterleaveLower(d, v[0], v[1]));
  const auto high01 = hn::BitCast(d2, hn::InterleaveUpper(d, v[0], v[1]));
  const auto low23 = hn::BitCast(d2, hn::InterleaveLower(d, v[2], v[3]));
  const auto high23 = hn::BitCast(d2, hn::InterleaveUpper(d, v[2], v[3]));
  v[0] = hn::BitCast(d, hn::InterleaveLower(d2, low01, low23));
  v[1] = hn::BitCast(d, hn::InterleaveUpper(d2, low01, low23));
  v[2] = hn::BitCast(d, hn::InterleaveLower(d2, high01, high23));
  v[3] = hn::BitCast(d, hn::InterleaveUpper(d2, high01, high23));
}

// Block b is at p + b * step.
template <class DX>
HWY_INLINE hn::Vec<DX> load_blocks(DX d, const float* p, std::int64_t step) {
  constexpr std::int64_t kBlocks = hn::MaxLanes(DX()) / 4;
  if constexpr (kBlocks == 1) {
    return hn::LoadU(d, p);
  } else {
    const hn::Half<DX> half;
    return hn::Combine(d, load_blocks(half, p + kBlocks / 2 * step, step),
                       load_blocks(half, p, step));
  }
}

template <class DX>
HWY_INLINE void store_blocks(DX d, hn::Vec<DX> v, float* p, std::int64_t step) {
  constexpr std::int64_t kBlocks = hn::MaxLanes(DX()) / 4;
  if constexpr (kBlocks == 1) {
    hn::StoreU(v, d, p);
  } else {
    const hn::Half<DX> half;
    store_blocks(half, hn::LowerHalf(half, v), p, step);
    store_blocks(half, hn::UpperHalf(half, v), p + kBlocks / 2 * step, step);
  }
}

// Points [begin, end) of 16 images that lie `points` apart.
void into_lanes(const float* images, std::int64_t points, std::int64_t begin, std::int64_t end,
                float* lanes) {
  const D d;
  std::int64_t p = begin;
  for (; p + 4 <= end; p += 4) {
    for (std::int64_t first = 0; first < kImageLanes; first += kVector) {
      V v[4];
      for (int j = 0; j < 4; ++j)
        v[j] = load_blocks(d, images + (first + j) * points + p, 4 * points);
      transpose(v);
      for (int t = 0; t < 4; ++t) hn::StoreU(v[t], d, lanes + (p + t) * kImageLanes + first);
    }
  }
  for (; p < end; ++p) {
    for (std::int64_t i = 0; i < kImageLanes; ++i) {
      lanes[p * kImageLanes + i] = images[i * points + p];
    }
  }
}

void out_of_lanes(const float* lanes, std::int64_t points, std::int64_t begin, std::int64_t end,
                  float* images) {
  const D d;
  std::int64_t p = begin;
  for (; p + 4 <= end; p += 4) {
    for (std::int64_t first = 0; first < kImageLanes; first += kVector) {
      V v[4];
      for (int t = 0; t < 4; ++t) v[t] = hn::LoadU(d, lanes + (p + t) * kImageLanes + first);
      transpose(v);
      for (int j = 0; j < 4; ++j) {
        store_blocks(d, v[j], images + (first + j) * points + p, 4 * points);
      }
    }
  }
  for (; p < end; ++p) {
    for (std::int64_t i = 0; i < kImageLanes; ++i) {
      images[i * points + p] = lanes[p * kImageLanes + i];
    }
  }
}

void run_image_lanes(const ImageLanesArgs& a, Range r) {
  const std::int64_t per_group = ceil_div(a.points, kImageLanesPoints);
  const std::int64_t image_group = kImageLanes * a.points;
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t at = u / per_group * image_group, begin = u % per_group * kImageLanesPoints;
    const std::int64_t end = std::min(begin + kImageLanesPoints, a.points);
    const float* const src = static_cast<const float*>(a.src) + at;
    float* const dst = static_cast<float*>(a.dst) + at;
    a.inverse ? out_of_lanes(src, a.points, begin, end, dst)
              : into_lanes(src, a.points, begin, end, dst);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_image_lanes);

void image_lanes_f32(const ImageLanesArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_image_lanes)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
