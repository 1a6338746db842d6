// SPDX-License-Identifier: Apache-2.0
// Per-target include: choosing the largest of four by the rules of max_pool, and the way back.
#if defined(INGRAD_KERNELS_CPU_PAIR_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_PAIR_POOL_INL_H_
#undef INGRAD_KERNELS_CPU_PAIR_POOL_INL_H_
#else
#define INGRAD_KERNELS_CPU_PAIR_POOL_INL_H_
#endif

#include "kernels/cpu/lane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

using D = Tag<float>;
using V = Vec<float>;
using DI = hn::RebindToSigned<D>;
using VI = hn::Vec<DI>;
using DB = hn::Rebind<std::uint8_t, DI>;
inline constexpr std::int64_t kVector = hn::MaxLanes(D());

// Takes v, whose code is `code`, where it beats the best so far.
HWY_INLINE void challenge(V v, int code, V& best, VI& codes) {
  const auto takes = hn::Or(hn::Gt(v, best), hn::IsNaN(v));
  best = hn::IfThenElse(takes, v, best);
  codes = hn::IfThenElse(hn::RebindMask(DI(), takes), hn::Set(DI(), code), codes);
}

// The code 4, which no gradient goes by, where the best is not positive.
HWY_INLINE void close(V best, VI& codes) {
  const auto open = hn::Gt(best, hn::Zero(D()));
  codes = hn::IfThenElse(hn::RebindMask(DI(), open), codes, hn::Set(DI(), 4));
}

// g where the codes are `code`, else zero.
HWY_INLINE V where_code(VI codes, int code, V g) {
  return hn::IfThenElseZero(hn::RebindMask(D(), hn::Eq(codes, hn::Set(DI(), code))), g);
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
