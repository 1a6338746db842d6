// SPDX-License-Identifier: Apache-2.0
// Per-target include: smooth activations of a tile of sums, with their slopes. The tile is in the
// first-level cache, and both come from the same exponential.
#if defined(INGRAD_KERNELS_CPU_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_ACTIVATION_INL_H_
#undef INGRAD_KERNELS_CPU_ACTIVATION_INL_H_
#else
#define INGRAD_KERNELS_CPU_ACTIVATION_INL_H_
#endif

#include "kernels/activation.h"
#include "kernels/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

#include "kernels/activation-inl.h"

// c becomes f(c); slope, unless null, f'(c). Both lie in rows, `step` apart.
template <class T>
HWY_NOINLINE void activate(Activation f, std::int64_t rows, std::size_t columns, std::int64_t step,
                           T* c, T* slope) {
  constexpr std::size_t kStep = hn::MaxLanes(Tag<T>());
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; j += kStep) {
      const std::size_t n = columns - j;
      T* const at = c + i * step + j;
      const Lane<T> x(load_head(at, n));
      if (slope == nullptr) {
        store_head<T>(Activate(f, x).v, at, n);
      } else {
        const Dual<Lane<T>> y = Activate(f, Dual<Lane<T>>(x, Lane<T>(1.0)));
        store_head<T>(y.x.v, at, n);
        store_head<T>(y.d.v, slope + i * step + j, n);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
