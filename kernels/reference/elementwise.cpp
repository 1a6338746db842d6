// SPDX-License-Identifier: Apache-2.0
// The elementwise formulas over doubles and 64-bit integers, one element at a time.
#include "kernels/expr-list.h"
#include "kernels/reference/elementwise_tables.h"
#include "kernels/scalar.h"

namespace ingrad::kernels::scalar {
namespace {

#define INGRAD_EXPR_PART INGRAD_EXPR_ALL
#include "kernels/expr-functions-inl.h"
#undef INGRAD_EXPR_PART

template <class F>
void real_value(const void* const* in, void* out, const double* p, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    Real x[F::kArity];
    for (int k = 0; k < F::kArity; ++k) x[k] = Real(static_cast<const double*>(in[k])[i]);
    static_cast<double*>(out)[i] = F::call(x, p).v;
  }
}

template <class F, int I>
void real_derivative(const void* const* in, void* out, const double* p, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    Dual<Real> x[F::kArity];
    for (int k = 0; k < F::kArity; ++k) {
      x[k] = Dual<Real>(Real(static_cast<const double*>(in[k + 1])[i]), Real(k == I ? 1.0 : 0.0));
    }
    static_cast<double*>(out)[i] = (Real(static_cast<const double*>(in[0])[i]) * F::call(x, p).d).v;
  }
}

template <class F>
void integer_value(const void* const* in, void* out, const double* p, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    Integer x[F::kArity];
    for (int k = 0; k < F::kArity; ++k) x[k] = Integer::of(static_cast<const std::int64_t*>(in[k])[i]);
    static_cast<std::int64_t*>(out)[i] = F::call(x, p).v;
  }
}

struct Entry {
  TileFn real[4];  // value, derivatives
  TileFn integer;
};

template <class F, int I>
constexpr TileFn derivative_of() {
  if constexpr (I < F::kArity && ((F::kDifferentiable >> I) & 1u) != 0) {
    return &real_derivative<F, I>;
  } else {
    return nullptr;
  }
}
template <class F>
constexpr TileFn integer_of() {
  if constexpr (F::kIntegers) {
    return &integer_value<F>;
  } else {
    return nullptr;
  }
}
template <class F>
constexpr Entry entry() {
  return {{&real_value<F>, derivative_of<F, 0>(), derivative_of<F, 1>(), derivative_of<F, 2>()},
          integer_of<F>()};
}

#define INGRAD_ENTRY(name, ...) entry<Function_##name>(),
constexpr Entry kEntries[] = {INGRAD_EXPR_ALL(INGRAD_ENTRY)};
#undef INGRAD_ENTRY

}  // namespace

TileFn tile(int function, int derivative, DType compute) {
  const Entry& e = kEntries[function];
  if (compute == DType::i64) return derivative < 0 ? e.integer : nullptr;
  return compute == DType::f64 ? e.real[derivative + 1] : nullptr;
}

}  // namespace ingrad::kernels::scalar

namespace ingrad::kernels::reference {

TileFn elementwise_tile(int function, int derivative, DType compute) {
  return scalar::tile(function, derivative, compute);
}

}  // namespace ingrad::kernels::reference
