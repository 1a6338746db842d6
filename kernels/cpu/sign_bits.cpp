// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/sign_bits.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/sign_bits.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// Eight elements make a byte, however many vectors that takes.
template <class T>
HWY_INLINE void sign_bits(const SignBitsArgs& a, Range r) {
  const Tag<T> d;
  constexpr std::int64_t kVector = hn::MaxLanes(Tag<T>());
  constexpr std::int64_t kStep = std::max<std::int64_t>(kVector, 8);
  const auto* const x = static_cast<const T*>(a.x);
  const std::int64_t end = std::min(a.count, r.end * kSignBitsUnit);
  for (std::int64_t i = r.begin * kSignBitsUnit; i < end; i += kStep) {
    std::uint32_t word = 0;
    for (std::int64_t j = 0; j < kStep && i + j < end; j += kVector) {
      const auto left = static_cast<std::size_t>(end - i - j);
      std::uint8_t bytes[8] = {};
      hn::StoreMaskBits(d, hn::Gt(load_head(x + i + j, left), hn::Zero(d)), bytes);
      std::uint32_t part;
      std::memcpy(&part, bytes, sizeof part);
      word |= part << j;
    }
    std::memcpy(a.bits + i / 8, &word, kStep / 8);
  }
}

void run_sign_bits_f32(const SignBitsArgs& a, Range r) { sign_bits<float>(a, r); }
void run_sign_bits_f64(const SignBitsArgs& a, Range r) { sign_bits<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_sign_bits_f32);
HWY_EXPORT(run_sign_bits_f64);

void sign_bits_f32(const SignBitsArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_sign_bits_f32)(a, r);
}
void sign_bits_f64(const SignBitsArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_sign_bits_f64)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
