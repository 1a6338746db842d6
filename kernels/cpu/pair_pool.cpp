// SPDX-License-Identifier: Apache-2.0
// A vector of windows at a time: their four elements are the even and odd lanes of two rows.
#include "kernels/cpu/pair_pool.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pair_pool.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/pair_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// Even and odd elements of the first 2 n (n <= lanes) of a row.
HWY_INLINE void load_pairs(const float* row, std::int64_t n, V& even, V& odd) {
  const D d;
  const auto both = static_cast<std::size_t>(2 * n);
  const std::size_t lanes = hn::Lanes(d);
  const V low = load_head(row, both);
  const V high = both > lanes ? load_head(row + lanes, both - lanes) : hn::Zero(d);
  even = hn::ConcatEven(d, high, low);
  odd = hn::ConcatOdd(d, high, low);
}

HWY_INLINE void store_pairs(V even, V odd, std::int64_t n, float* row) {
  const D d;
  if (n == kVector) {
    hn::StoreInterleaved2(even, odd, d, row);
    return;
  }
  HWY_ALIGN float both[2 * kVector];
  hn::StoreInterleaved2(even, odd, d, both);
  for (std::int64_t i = 0; i < 2 * n; i += kVector) {
    store_head<float>(hn::Load(d, both + i), row + i, static_cast<std::size_t>(2 * n - i));
  }
}

void run_pair_pool(const PairPoolArgs& a, Range r) {
  const std::int64_t width = a.size[1], out = a.grid[1];
  for (std::int64_t row = r.begin * a.grid[0]; row < r.end * a.grid[0]; ++row) {
    const std::int64_t plane = row / a.grid[0], y = row % a.grid[0];
    const float* const x = static_cast<const float*>(a.x) + (plane * a.size[0] + 2 * y) * width;
    float* const values = static_cast<float*>(a.values) + row * out;
    std::uint8_t* const codes = a.codes + row * out;
    for (std::int64_t t = 0; t < out; t += kVector) {
      const std::int64_t n = std::min(kVector, out - t);
      V best, v1, v2, v3;
      load_pairs(x + 2 * t, n, best, v1);
      load_pairs(x + width + 2 * t, n, v2, v3);
      VI code = hn::Zero(DI());
      challenge(v1, 1, best, code);
      challenge(v2, 2, best, code);
      challenge(v3, 3, best, code);
      if (a.gated) close(best, code);
      store_head<float>(best, values + t, static_cast<std::size_t>(n));
      if (n == kVector) {
        hn::StoreU(hn::DemoteTo(DB(), code), DB(), codes + t);
      } else if constexpr (kMasked) {
        hn::BlendedStore(hn::DemoteTo(DB(), code), hn::FirstN(DB(), static_cast<std::size_t>(n)),
                         DB(), codes + t);
      } else {
        HWY_ALIGN std::int32_t lanes[kVector];
        hn::Store(code, DI(), lanes);
        for (std::int64_t i = 0; i < n; ++i) codes[t + i] = static_cast<std::uint8_t>(lanes[i]);
      }
    }
  }
}

HWY_INLINE VI load_codes(const std::uint8_t* codes, std::int64_t n) {
  if (n == kVector) return hn::PromoteTo(DI(), hn::LoadU(DB(), codes));
  if constexpr (kMasked) {
    const auto mask = hn::FirstN(DB(), static_cast<std::size_t>(n));
    return hn::PromoteTo(DI(), hn::MaskedLoad(mask, DB(), codes));
  } else {
    HWY_ALIGN std::int32_t lanes[kVector] = {};
    for (std::int64_t i = 0; i < n; ++i) lanes[i] = codes[i];
    return hn::Load(DI(), lanes);
  }
}

void run_pair_pool_grad(const PairPoolGradArgs& a, Range r) {
  const std::int64_t width = a.size[1], out = a.grid[1];
  for (std::int64_t plane = r.begin; plane < r.end; ++plane) {
    float* dx = static_cast<float*>(a.dx) + plane * a.size[0] * width;
    for (std::int64_t y = 0; y < a.grid[0]; ++y, dx += 2 * width) {
      const std::int64_t row = (plane * a.grid[0] + y) * out;
      for (std::int64_t t = 0; t < out; t += kVector) {
        const std::int64_t n = std::min(kVector, out - t);
        const auto count = static_cast<std::size_t>(n);
        const V g = load_head(static_cast<const float*>(a.dy) + row + t, count);
        const VI codes = load_codes(a.codes + row + t, n);
        store_pairs(where_code(codes, 0, g), where_code(codes, 1, g), n, dx + 2 * t);
        store_pairs(where_code(codes, 2, g), where_code(codes, 3, g), n, dx + width + 2 * t);
      }
      if (width % 2 != 0) dx[width - 1] = dx[2 * width - 1] = 0;
    }
    if (a.size[0] % 2 != 0) std::fill_n(dx, width, 0.0f);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_pair_pool);
HWY_EXPORT(run_pair_pool_grad);

void pair_pool_f32(const PairPoolArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(run_pair_pool)(a, r); }
void pair_pool_grad_f32(const PairPoolGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_pair_pool_grad)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
