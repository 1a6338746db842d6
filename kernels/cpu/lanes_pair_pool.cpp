// SPDX-License-Identifier: Apache-2.0
// Max pooling over 2 x 2 windows with 16 images in the lanes: nothing crosses lanes.
#include <algorithm>

#include "kernels/cpu/image_lanes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/lanes_pair_pool.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/pair_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

void run_lanes_pair_pool(const PairPoolArgs& a, Range r) {
  const D d;
  const std::int64_t row = a.size[1] * kImageLanes;
  for (std::int64_t line = r.begin * a.grid[0]; line < r.end * a.grid[0]; ++line) {
    const std::int64_t plane = line / a.grid[0], y = line % a.grid[0];
    const float* x = static_cast<const float*>(a.x) + (plane * a.size[0] + 2 * y) * row;
    const std::int64_t first = line * a.grid[1] * kImageLanes;
    float* values = static_cast<float*>(a.values) + first;
    std::uint8_t* codes = a.codes + first;
    for (std::int64_t t = 0; t < a.grid[1]; ++t, x += kImageLanes) {
      for (std::int64_t h = 0; h < kImageLanes; h += kVector) {
        V best = hn::LoadU(d, x);
        VI code = hn::Zero(DI());
        challenge(hn::LoadU(d, x + kImageLanes), 1, best, code);
        challenge(hn::LoadU(d, x + row), 2, best, code);
        challenge(hn::LoadU(d, x + row + kImageLanes), 3, best, code);
        if (a.gated) close(best, code);
        hn::StoreU(best, d, values);
        hn::StoreU(hn::DemoteTo(DB(), code), DB(), codes);
        x += kVector, values += kVector, codes += kVector;
      }
    }
  }
}

HWY_INLINE void zeros(std::int64_t n, float* to) {
  for (std::int64_t i = 0; i < n; i += kVector) hn::StoreU(hn::Zero(D()), D(), to + i);
}

void run_lanes_pair_pool_grad(const PairPoolGradArgs& a, Range r) {
  const D d;
  const std::int64_t row = a.size[1] * kImageLanes;
  for (std::int64_t plane = r.begin; plane < r.end; ++plane) {
    float* dx = static_cast<float*>(a.dx) + plane * a.size[0] * row;
    for (std::int64_t y = 0; y < a.grid[0]; ++y, dx += 2 * row) {
      const std::int64_t first = (plane * a.grid[0] + y) * a.grid[1] * kImageLanes;
      const float* dy = static_cast<const float*>(a.dy) + first;
      const std::uint8_t* codes = a.codes + first;
      for (std::int64_t t = 0; t < a.grid[1]; ++t) {
        for (std::int64_t h = 0; h < kImageLanes; h += kVector) {
          const V g = hn::LoadU(d, dy);
          const VI code = hn::PromoteTo(DI(), hn::LoadU(DB(), codes));
          float* const to = dx + 2 * t * kImageLanes + h;
          hn::StoreU(where_code(code, 0, g), d, to);
          hn::StoreU(where_code(code, 1, g), d, to + kImageLanes);
          hn::StoreU(where_code(code, 2, g), d, to + row);
          hn::StoreU(where_code(code, 3, g), d, to + row + kImageLanes);
          dy += kVector, codes += kVector;
        }
      }
      if (a.size[1] % 2 != 0) {
        zeros(kImageLanes, dx + row - kImageLanes);
        zeros(kImageLanes, dx + 2 * row - kImageLanes);
      }
    }
    if (a.size[0] % 2 != 0) zeros(row, dx);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_lanes_pair_pool);
HWY_EXPORT(run_lanes_pair_pool_grad);

void lanes_pair_pool_f32(const PairPoolArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_lanes_pair_pool)(a, r);
}
void lanes_pair_pool_grad_f32(const PairPoolGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_lanes_pair_pool_grad)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
