// SPDX-License-Identifier: Apache-2.0
// Per-target include (see Highway's foreach_target): the only header that names Highway types.
// No OpenMP pragma and no lambda inside the per-target namespace: threads live outside.
#if defined(INGRAD_KERNELS_CPU_LANE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_LANE_INL_H_
#undef INGRAD_KERNELS_CPU_LANE_INL_H_
#else
#define INGRAD_KERNELS_CPU_LANE_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

// Loads the first n (<= lanes) elements, zero elsewhere, touching no byte beyond them.
template <class T>
HWY_INLINE Vec<T> load_head(const T* p, std::size_t n) {
  const Tag<T> d;
  return n >= hn::Lanes(d) ? hn::LoadU(d, p) : hn::MaskedLoad(hn::FirstN(d, n), d, p);
}

// Stores the first n (<= lanes) elements.
template <class T>
HWY_INLINE void store_head(Vec<T> v, T* p, std::size_t n) {
  const Tag<T> d;
  if (n >= hn::Lanes(d)) {
    hn::StoreU(v, d, p);
  } else {
    hn::BlendedStore(v, hn::FirstN(d, n), d, p);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
