// SPDX-License-Identifier: Apache-2.0
// The elementwise formulas over one double (the reference) and over one 64-bit integer.
#pragma once

#include <cmath>
#include <cstdint>

namespace ingrad::kernels::scalar {

#undef INGRAD_EXPR
#define INGRAD_EXPR inline

struct Real {
  double v = 0;
  Real() = default;
  explicit Real(double x) : v(x) {}
};
inline Real operator+(Real a, Real b) { return Real(a.v + b.v); }
inline Real operator-(Real a, Real b) { return Real(a.v - b.v); }
inline Real operator*(Real a, Real b) { return Real(a.v * b.v); }
inline Real operator/(Real a, Real b) { return Real(a.v / b.v); }
inline Real operator-(Real a) { return Real(-a.v); }
inline bool Lt(Real a, Real b) { return a.v < b.v; }
inline bool Le(Real a, Real b) { return a.v <= b.v; }
inline bool Gt(Real a, Real b) { return a.v > b.v; }
inline bool Ge(Real a, Real b) { return a.v >= b.v; }
inline bool Eq(Real a, Real b) { return a.v == b.v; }
inline bool Ne(Real a, Real b) { return a.v != b.v; }
inline Real Select(bool m, Real a, Real b) { return m ? a : b; }
inline Real Tie(Real a, Real) { return a; }
inline Real Constant(Real a) { return a; }
inline Real Exp(Real a) { return Real(std::exp(a.v)); }
inline Real Expm1(Real a) { return Real(std::expm1(a.v)); }
inline Real Log(Real a) { return Real(std::log(a.v)); }
inline Real Log1p(Real a) { return Real(std::log1p(a.v)); }
inline Real Sqrt(Real a) { return Real(std::sqrt(a.v)); }
inline Real Sin(Real a) { return Real(std::sin(a.v)); }
inline Real Cos(Real a) { return Real(std::cos(a.v)); }
inline Real Tanh(Real a) { return Real(std::tanh(a.v)); }
inline Real Atan(Real a) { return Real(std::atan(a.v)); }
inline Real Erf(Real a) { return Real(std::erf(a.v)); }
inline Real Abs(Real a) { return Real(std::fabs(a.v)); }
inline Real Floor(Real a) { return Real(std::floor(a.v)); }
inline Real Round(Real a) { return Real(std::nearbyint(a.v)); }
inline Real Pow(Real a, Real b) { return Real(std::pow(a.v, b.v)); }
// Sign of the divisor, as in Python.
inline Real Remainder(Real a, Real b) {
  const double r = std::fmod(a.v, b.v);
  return Real(r != 0 && (r < 0) != (b.v < 0) ? r + b.v : r);
}
inline Real FloorDivide(Real a, Real b) { return Real(std::floor(a.v / b.v)); }

#include "kernels/integer-inl.h"

#include "kernels/expr-inl.h"
#include "kernels/dual-inl.h"

}  // namespace ingrad::kernels::scalar
