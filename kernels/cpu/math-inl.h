// SPDX-License-Identifier: Apache-2.0
// Per-target include: SIMD lanes as a lane type for the elementwise formulas. Highway's functions
// are accurate to a few ULP within stated ranges; here every input is given a defined result.
#if defined(INGRAD_KERNELS_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_MATH_INL_H_
#undef INGRAD_KERNELS_CPU_MATH_INL_H_
#else
#define INGRAD_KERNELS_CPU_MATH_INL_H_
#endif

#include <cmath>
#include <limits>

#include "hwy/contrib/math/math-inl.h"
#include "kernels/cpu/lane-inl.h"

#undef INGRAD_EXPR
#define INGRAD_EXPR HWY_INLINE

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

template <class T>
struct Lane {
  Vec<T> v;
  Lane() = default;
  HWY_INLINE explicit Lane(double c) : v(hn::Set(Tag<T>(), static_cast<T>(c))) {}
  HWY_INLINE explicit Lane(Vec<T> x) : v(x) {}
};
template <class T>
struct LaneMask {
  hn::Mask<Tag<T>> m;
};

template <class T>
HWY_INLINE Lane<T> operator+(Lane<T> a, Lane<T> b) { return Lane<T>(hn::Add(a.v, b.v)); }
template <class T>
HWY_INLINE Lane<T> operator-(Lane<T> a, Lane<T> b) { return Lane<T>(hn::Sub(a.v, b.v)); }
template <class T>
HWY_INLINE Lane<T> operator*(Lane<T> a, Lane<T> b) { return Lane<T>(hn::Mul(a.v, b.v)); }
template <class T>
HWY_INLINE Lane<T> operator/(Lane<T> a, Lane<T> b) { return Lane<T>(hn::Div(a.v, b.v)); }
template <class T>
HWY_INLINE Lane<T> operator-(Lane<T> a) { return Lane<T>(hn::Neg(a.v)); }

template <class T>
HWY_INLINE LaneMask<T> Lt(Lane<T> a, Lane<T> b) { return {hn::Lt(a.v, b.v)}; }
template <class T>
HWY_INLINE LaneMask<T> Le(Lane<T> a, Lane<T> b) { return {hn::Le(a.v, b.v)}; }
template <class T>
HWY_INLINE LaneMask<T> Gt(Lane<T> a, Lane<T> b) { return {hn::Gt(a.v, b.v)}; }
template <class T>
HWY_INLINE LaneMask<T> Ge(Lane<T> a, Lane<T> b) { return {hn::Ge(a.v, b.v)}; }
template <class T>
HWY_INLINE LaneMask<T> Eq(Lane<T> a, Lane<T> b) { return {hn::Eq(a.v, b.v)}; }
template <class T>
HWY_INLINE LaneMask<T> Ne(Lane<T> a, Lane<T> b) { return {hn::Ne(a.v, b.v)}; }
template <class T>
HWY_INLINE Lane<T> Select(LaneMask<T> m, Lane<T> a, Lane<T> b) {
  return Lane<T>(hn::IfThenElse(m.m, a.v, b.v));
}
template <class T>
HWY_INLINE Lane<T> Tie(Lane<T> a, Lane<T>) { return a; }
template <class T>
HWY_INLINE Lane<T> Constant(Lane<T> a) { return a; }

template <class T>
HWY_INLINE Lane<T> Abs(Lane<T> a) { return Lane<T>(hn::Abs(a.v)); }
template <class T>
HWY_INLINE Lane<T> Floor(Lane<T> a) { return Lane<T>(hn::Floor(a.v)); }
template <class T>
HWY_INLINE Lane<T> Round(Lane<T> a) { return Lane<T>(hn::Round(a.v)); }
template <class T>
HWY_INLINE Lane<T> Sqrt(Lane<T> a) { return Lane<T>(hn::Sqrt(a.v)); }

template <class T>
HWY_INLINE Lane<T> Infinity() {
  return Lane<T>(hn::Set(Tag<T>(), std::numeric_limits<T>::infinity()));
}
template <class T>
HWY_INLINE Lane<T> NotANumber() {
  return Lane<T>(hn::Set(Tag<T>(), std::numeric_limits<T>::quiet_NaN()));
}

// Large arguments go through their half, whose exponential squared overflows to infinity by
// itself. NaN stays: no comparison selects another value.
template <class T>
HWY_INLINE Lane<T> Exp(Lane<T> a) {
  const T large = sizeof(T) == 4 ? T(80) : T(700);
  const Lane<T> limit(static_cast<double>(large));
  const LaneMask<T> big = Gt(a, limit);
  const Lane<T> capped = Select(Gt(a, limit + limit), limit + limit, a);
  const Lane<T> x = Select(big, capped * Lane<T>(0.5), capped);
  const Lane<T> e(hn::Exp(Tag<T>(), x.v));
  return Select(Ne(a, a), a, Select(big, e * e, e));
}
template <class T>
HWY_INLINE Lane<T> Expm1(Lane<T> a) {
  const Lane<T> limit(sizeof(T) == 4 ? 80.0 : 700.0);
  const Lane<T> low(sizeof(T) == 4 ? -80.0 : -700.0);
  const Lane<T> x = Select(Gt(a, limit), limit, Select(Lt(a, low), low, a));
  const Lane<T> e(hn::Expm1(Tag<T>(), x.v));
  const Lane<T> inner = Select(Gt(a, limit), Exp(a), e);
  return Select(Eq(a, Lane<T>(0.0)), a, Select(Ne(a, a), a, inner));
}
template <class T>
HWY_INLINE Lane<T> Log(Lane<T> a) {
  const Lane<T> zero(0.0), one(1.0), inf = Infinity<T>();
  const LaneMask<T> inside{hn::And(hn::Gt(a.v, zero.v), hn::Lt(a.v, inf.v))};
  const Lane<T> x(hn::Log(Tag<T>(), Select(inside, a, one).v));
  const Lane<T> outside = Select(Eq(a, zero), -inf, Select(Eq(a, inf), inf, NotANumber<T>()));
  return Select(inside, x, outside);
}
template <class T>
HWY_INLINE Lane<T> Log1p(Lane<T> a) {
  const Lane<T> low(-1.0), zero(0.0), inf = Infinity<T>();
  const LaneMask<T> inside{hn::And(hn::Gt(a.v, low.v), hn::Lt(a.v, inf.v))};
  const Lane<T> x(hn::Log1p(Tag<T>(), Select(inside, a, zero).v));
  const Lane<T> outside = Select(Eq(a, low), -inf, Select(Eq(a, inf), inf, NotANumber<T>()));
  return Select(Eq(a, zero), a, Select(inside, x, outside));
}
template <class T>
HWY_INLINE Lane<T> Tanh(Lane<T> a) {
  const Lane<T> limit(20.0), low(-20.0);
  const Lane<T> x = Select(Gt(a, limit), limit, Select(Lt(a, low), low, a));
  const Lane<T> t(hn::Tanh(Tag<T>(), x.v));
  return Select(Eq(a, Lane<T>(0.0)), a, Select(Ne(a, a), a, t));
}
template <class T>
HWY_INLINE Lane<T> Atan(Lane<T> a) {
  return Select(Ne(a, a), a, Lane<T>(hn::Atan(Tag<T>(), a.v)));
}

// One scalar function on every lane, where no vector code is exact enough.
using Scalar1 = double (*)(double);
template <class T>
HWY_NOINLINE void ApplyScalar(Scalar1 f, const T* in, T* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<T>(f(static_cast<double>(in[i])));
}
template <class T>
HWY_INLINE Lane<T> PerLane(Scalar1 f, Lane<T> a) {
  const Tag<T> d;
  HWY_ALIGN T lanes[hn::MaxLanes(Tag<T>())];
  hn::Store(a.v, d, lanes);
  ApplyScalar(f, lanes, lanes, hn::Lanes(d));
  return Lane<T>(hn::Load(d, lanes));
}
inline double ScalarSin(double x) { return std::sin(x); }
inline double ScalarCos(double x) { return std::cos(x); }
inline double ScalarErf(double x) { return std::erf(x); }

// Beyond this Highway's range reduction loses digits.
constexpr double kLargestAngle = 30000;
template <class T>
HWY_INLINE bool AnyLargeAngle(Lane<T> a) {
  return !hn::AllTrue(Tag<T>(), hn::Le(hn::Abs(a.v), Lane<T>(kLargestAngle).v));
}
template <class T>
HWY_INLINE Lane<T> Sin(Lane<T> a) {
  if (HWY_UNLIKELY(AnyLargeAngle(a))) return PerLane(&ScalarSin, a);
  return Lane<T>(hn::Sin(Tag<T>(), a.v));
}
template <class T>
HWY_INLINE Lane<T> Cos(Lane<T> a) {
  if (HWY_UNLIKELY(AnyLargeAngle(a))) return PerLane(&ScalarCos, a);
  return Lane<T>(hn::Cos(Tag<T>(), a.v));
}

// Two polynomials, fitted by Chebyshev interpolation in 40 digits: erf(x) / x in x^2 below 1 (error
// 4e-11), and erfc(x) e^(x^2) in 1 / (x + 3/2) above (error 2e-10).
HWY_INLINE Lane<float> Erf(Lane<float> a) {
  using L = Lane<float>;
  const L x = Abs(a);
  const L s = a * a;
  const double small[] = {-9.6670445714869964e-6, 0.00011265959025606609, -0.00084840804055351063,
                          0.0052210318078580228,  -0.026865430727670243,  0.11283782495236845,
                          -0.3761263846802871,    1.1283791670615434};
  const double large[] = {-4.8463360386219924,  10.655094772646834,  -7.6817962784737925,
                          0.66525345175500655,  0.56140258239442813, 0.96598323673166869,
                          0.85165943666951041,  0.5636925960688956,  1.742421710933959e-5};
  L p(small[0]);
  for (int i = 1; i < 8; ++i) p = p * s + L(small[i]);
  const L far = Select(Gt(x, L(4.0)), L(4.0), x);
  const L t = L(1.0) / (far + L(1.5));
  L q(large[0]);
  for (int i = 1; i < 9; ++i) q = q * t + L(large[i]);
  const L tail = L(1.0) - Exp(-s) * q;  // its derivative takes the same exponential
  const L magnitude = Select(Lt(x, L(1.0)), x * p, tail);
  return Select(Ne(a, a), a, L(hn::CopySign(magnitude.v, a.v)));
}
HWY_INLINE Lane<double> Erf(Lane<double> a) { return PerLane(&ScalarErf, a); }

template <class T>
HWY_NOINLINE void PowScalar(const T* a, const T* b, T* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<T>(std::pow(static_cast<double>(a[i]), static_cast<double>(b[i])));
  }
}
template <class T>
HWY_INLINE Lane<T> Pow(Lane<T> a, Lane<T> b) {
  const Tag<T> d;
  HWY_ALIGN T x[hn::MaxLanes(Tag<T>())];
  HWY_ALIGN T y[hn::MaxLanes(Tag<T>())];
  hn::Store(a.v, d, x);
  hn::Store(b.v, d, y);
  PowScalar(x, y, x, hn::Lanes(d));
  return Lane<T>(hn::Load(d, x));
}
template <class T>
HWY_NOINLINE void RemainderScalar(const T* a, const T* b, T* out, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const T r = std::fmod(a[i], b[i]);
    out[i] = r != 0 && (r < 0) != (b[i] < 0) ? r + b[i] : r;
  }
}
template <class T>
HWY_INLINE Lane<T> Remainder(Lane<T> a, Lane<T> b) {
  const Tag<T> d;
  HWY_ALIGN T x[hn::MaxLanes(Tag<T>())];
  HWY_ALIGN T y[hn::MaxLanes(Tag<T>())];
  hn::Store(a.v, d, x);
  hn::Store(b.v, d, y);
  RemainderScalar(x, y, x, hn::Lanes(d));
  return Lane<T>(hn::Load(d, x));
}
template <class T>
HWY_INLINE Lane<T> FloorDivide(Lane<T> a, Lane<T> b) { return Floor(a / b); }

#include "kernels/expr-inl.h"
#include "kernels/dual-inl.h"

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
