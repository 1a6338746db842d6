// SPDX-License-Identifier: Apache-2.0
// The elementwise formulas (kernels/expr-inl.h) over one element on the device: f32, f64, i64.
#pragma once

#include <cmath>

#include "kernels/cuda/launch.h"

#undef INGRAD_EXPR
#define INGRAD_EXPR __device__ inline

namespace ingrad::kernels::INGRAD_DEVICE {

template <class T>
struct Lane {
  T v;
  Lane() = default;
  INGRAD_EXPR explicit Lane(double x) : v(static_cast<T>(x)) {}
};
template <class T>
INGRAD_EXPR Lane<T> lane_of(T v) {
  Lane<T> lane;
  lane.v = v;
  return lane;
}

template <class T>
INGRAD_EXPR Lane<T> operator+(Lane<T> a, Lane<T> b) { return lane_of<T>(a.v + b.v); }
template <class T>
INGRAD_EXPR Lane<T> operator-(Lane<T> a, Lane<T> b) { return lane_of<T>(a.v - b.v); }
template <class T>
INGRAD_EXPR Lane<T> operator*(Lane<T> a, Lane<T> b) { return lane_of<T>(a.v * b.v); }
template <class T>
INGRAD_EXPR Lane<T> operator/(Lane<T> a, Lane<T> b) { return lane_of<T>(a.v / b.v); }
template <class T>
INGRAD_EXPR Lane<T> operator-(Lane<T> a) { return lane_of<T>(-a.v); }
template <class T>
INGRAD_EXPR bool Lt(Lane<T> a, Lane<T> b) { return a.v < b.v; }
template <class T>
INGRAD_EXPR bool Le(Lane<T> a, Lane<T> b) { return a.v <= b.v; }
template <class T>
INGRAD_EXPR bool Gt(Lane<T> a, Lane<T> b) { return a.v > b.v; }
template <class T>
INGRAD_EXPR bool Ge(Lane<T> a, Lane<T> b) { return a.v >= b.v; }
template <class T>
INGRAD_EXPR bool Eq(Lane<T> a, Lane<T> b) { return a.v == b.v; }
template <class T>
INGRAD_EXPR bool Ne(Lane<T> a, Lane<T> b) { return a.v != b.v; }
template <class T>
INGRAD_EXPR Lane<T> Select(bool m, Lane<T> a, Lane<T> b) { return m ? a : b; }
template <class T>
INGRAD_EXPR Lane<T> Tie(Lane<T> a, Lane<T>) { return a; }
template <class T>
INGRAD_EXPR Lane<T> Constant(Lane<T> a) { return a; }
template <class T>
INGRAD_EXPR Lane<T> Exp(Lane<T> a) { return lane_of<T>(std::exp(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Expm1(Lane<T> a) { return lane_of<T>(std::expm1(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Log(Lane<T> a) { return lane_of<T>(std::log(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Log1p(Lane<T> a) { return lane_of<T>(std::log1p(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Sqrt(Lane<T> a) { return lane_of<T>(std::sqrt(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Sin(Lane<T> a) { return lane_of<T>(std::sin(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Cos(Lane<T> a) { return lane_of<T>(std::cos(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Tanh(Lane<T> a) { return lane_of<T>(std::tanh(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Atan(Lane<T> a) { return lane_of<T>(std::atan(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Erf(Lane<T> a) { return lane_of<T>(std::erf(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Abs(Lane<T> a) { return lane_of<T>(std::fabs(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Floor(Lane<T> a) { return lane_of<T>(std::floor(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Round(Lane<T> a) { return lane_of<T>(std::nearbyint(a.v)); }
template <class T>
INGRAD_EXPR Lane<T> Pow(Lane<T> a, Lane<T> b) { return lane_of<T>(std::pow(a.v, b.v)); }
// Sign of the divisor, as in Python.
template <class T>
INGRAD_EXPR Lane<T> Remainder(Lane<T> a, Lane<T> b) {
  const T r = std::fmod(a.v, b.v);
  return lane_of<T>(r != 0 && (r < 0) != (b.v < 0) ? r + b.v : r);
}
template <class T>
INGRAD_EXPR Lane<T> FloorDivide(Lane<T> a, Lane<T> b) { return lane_of<T>(std::floor(a.v / b.v)); }

#include "kernels/integer-inl.h"

#include "kernels/expr-inl.h"
#include "kernels/dual-inl.h"

}  // namespace ingrad::kernels::INGRAD_DEVICE
