// SPDX-License-Identifier: Apache-2.0
// Per-target body of the elementwise sources: tiles of every function in INGRAD_EXPR_PART and its
// derivatives. The including source defines that list and INGRAD_EXPR_FIND, the look-up function's
// name, and is itself Highway's target include.
#include "kernels/cpu/math-inl.h"
#include "kernels/elementwise.h"
#include "kernels/expr-list.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {
namespace {

#include "kernels/expr-functions-inl.h"

template <class T, class F>
HWY_INLINE void ValueStep(const void* const* in, T* out, const double* p, std::size_t i,
                          std::size_t n) {
  Lane<T> x[F::kArity];
  for (int k = 0; k < F::kArity; ++k) {
    x[k] = Lane<T>(load_head(static_cast<const T*>(in[k]) + i, n));
  }
  store_head(F::template call<Lane<T>>(x, p).v, out + i, n);
}

template <class T, class F>
void ValueTile(const void* const* in, void* out, const double* p, std::size_t n) {
  const std::size_t lanes = hn::Lanes(Tag<T>());
  T* to = static_cast<T*>(out);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) ValueStep<T, F>(in, to, p, i, lanes);
  if (i < n) ValueStep<T, F>(in, to, p, i, n - i);
}

template <class T, class F, int I>
HWY_INLINE void DerivativeStep(const void* const* in, T* out, const double* p, std::size_t i,
                               std::size_t n) {
  Dual<Lane<T>> x[F::kArity];
  for (int k = 0; k < F::kArity; ++k) {
    x[k] = Dual<Lane<T>>(Lane<T>(load_head(static_cast<const T*>(in[k + 1]) + i, n)),
                         Lane<T>(k == I ? 1.0 : 0.0));
  }
  const Lane<T> g(load_head(static_cast<const T*>(in[0]) + i, n));
  store_head((g * F::template call<Dual<Lane<T>>>(x, p).d).v, out + i, n);
}

template <class T, class F, int I>
void DerivativeTile(const void* const* in, void* out, const double* p, std::size_t n) {
  const std::size_t lanes = hn::Lanes(Tag<T>());
  T* to = static_cast<T*>(out);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) DerivativeStep<T, F, I>(in, to, p, i, lanes);
  if (i < n) DerivativeStep<T, F, I>(in, to, p, i, n - i);
}

template <class T, class F, int I>
constexpr TileFn DerivativeOf() {
  if constexpr (I < F::kArity && ((F::kDifferentiable >> I) & 1u) != 0) {
    return &DerivativeTile<T, F, I>;
  } else {
    return nullptr;
  }
}

struct Entry {
  TileFn f32[4];  // value, derivatives
  TileFn f64[4];
};
template <class F>
constexpr Entry MakeEntry() {
  return {{&ValueTile<float, F>, DerivativeOf<float, F, 0>(), DerivativeOf<float, F, 1>(),
           DerivativeOf<float, F, 2>()},
          {&ValueTile<double, F>, DerivativeOf<double, F, 0>(), DerivativeOf<double, F, 1>(),
           DerivativeOf<double, F, 2>()}};
}

#define INGRAD_ENTRY(name, ...) MakeEntry<Function_##name>(),
constexpr Entry kEntries[] = {INGRAD_EXPR_PART(INGRAD_ENTRY)};
#undef INGRAD_ENTRY

}  // namespace

TileFn INGRAD_EXPR_FIND(int index, int derivative, DType compute) {
  const Entry& e = kEntries[index];
  return (compute == DType::f32 ? e.f32 : e.f64)[derivative + 1];
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
