// SPDX-License-Identifier: Apache-2.0
// Dual numbers over a lane type, and the derivative of every primitive: the only place where
// derivatives of scalar functions are written. Nests: Dual<Dual<L>> carries second derivatives.
// Included into a namespace like expr-inl.h.

template <class L>
struct Dual {
  L x;  // value
  L d;  // derivative
  Dual() = default;
  INGRAD_EXPR explicit Dual(double constant) : x(constant), d(0.0) {}
  INGRAD_EXPR Dual(L value, L derivative) : x(value), d(derivative) {}
};

template <class L>
INGRAD_EXPR Dual<L> operator+(Dual<L> a, Dual<L> b) {
  return Dual<L>(a.x + b.x, a.d + b.d);
}
template <class L>
INGRAD_EXPR Dual<L> operator-(Dual<L> a, Dual<L> b) {
  return Dual<L>(a.x - b.x, a.d - b.d);
}
template <class L>
INGRAD_EXPR Dual<L> operator-(Dual<L> a) {
  return Dual<L>(-a.x, -a.d);
}
template <class L>
INGRAD_EXPR Dual<L> operator*(Dual<L> a, Dual<L> b) {
  return Dual<L>(a.x * b.x, a.d * b.x + a.x * b.d);
}
template <class L>
INGRAD_EXPR Dual<L> operator/(Dual<L> a, Dual<L> b) {
  const L q = a.x / b.x;
  return Dual<L>(q, (a.d - q * b.d) / b.x);
}

template <class L>
INGRAD_EXPR auto Lt(Dual<L> a, Dual<L> b) { return Lt(a.x, b.x); }
template <class L>
INGRAD_EXPR auto Le(Dual<L> a, Dual<L> b) { return Le(a.x, b.x); }
template <class L>
INGRAD_EXPR auto Gt(Dual<L> a, Dual<L> b) { return Gt(a.x, b.x); }
template <class L>
INGRAD_EXPR auto Ge(Dual<L> a, Dual<L> b) { return Ge(a.x, b.x); }
template <class L>
INGRAD_EXPR auto Eq(Dual<L> a, Dual<L> b) { return Eq(a.x, b.x); }
template <class L>
INGRAD_EXPR auto Ne(Dual<L> a, Dual<L> b) { return Ne(a.x, b.x); }
template <class M, class L>
INGRAD_EXPR Dual<L> Select(M mask, Dual<L> a, Dual<L> b) {
  return Dual<L>(Select(mask, a.x, b.x), Select(mask, a.d, b.d));
}
template <class L>
INGRAD_EXPR Dual<L> Tie(Dual<L> a, Dual<L> b) {
  return Dual<L>(Tie(a.x, b.x), L(0.5) * (a.d + b.d));
}
template <class L>
INGRAD_EXPR Dual<L> Constant(Dual<L> a) {
  return Dual<L>(Constant(a.x), L(0.0));
}

template <class L>
INGRAD_EXPR Dual<L> Exp(Dual<L> a) {
  const L e = Exp(a.x);
  return Dual<L>(e, e * a.d);
}
template <class L>
INGRAD_EXPR Dual<L> Expm1(Dual<L> a) {
  const L e = Expm1(a.x);
  return Dual<L>(e, (e + L(1.0)) * a.d);
}
template <class L>
INGRAD_EXPR Dual<L> Log(Dual<L> a) {
  return Dual<L>(Log(a.x), a.d / a.x);
}
template <class L>
INGRAD_EXPR Dual<L> Log1p(Dual<L> a) {
  return Dual<L>(Log1p(a.x), a.d / (L(1.0) + a.x));
}
template <class L>
INGRAD_EXPR Dual<L> Sqrt(Dual<L> a) {
  const L root = Sqrt(a.x);
  return Dual<L>(root, a.d / (L(2.0) * root));
}
template <class L>
INGRAD_EXPR Dual<L> Sin(Dual<L> a) {
  return Dual<L>(Sin(a.x), Cos(a.x) * a.d);
}
template <class L>
INGRAD_EXPR Dual<L> Cos(Dual<L> a) {
  return Dual<L>(Cos(a.x), -(Sin(a.x) * a.d));
}
template <class L>
INGRAD_EXPR Dual<L> Tanh(Dual<L> a) {
  const L t = Tanh(a.x);
  return Dual<L>(t, (L(1.0) - t * t) * a.d);
}
template <class L>
INGRAD_EXPR Dual<L> Atan(Dual<L> a) {
  return Dual<L>(Atan(a.x), a.d / (L(1.0) + a.x * a.x));
}
template <class L>
INGRAD_EXPR Dual<L> Erf(Dual<L> a) {
  return Dual<L>(Erf(a.x), L(1.12837916709551257390) * Exp(-(a.x * a.x)) * a.d);
}
// The derivative of |a| at zero is zero.
template <class L>
INGRAD_EXPR Dual<L> Abs(Dual<L> a) {
  return Dual<L>(Abs(a.x), Sign(a.x) * a.d);
}
template <class L>
INGRAD_EXPR Dual<L> Floor(Dual<L> a) {
  return Dual<L>(Floor(a.x), L(0.0));
}
template <class L>
INGRAD_EXPR Dual<L> Round(Dual<L> a) {
  return Dual<L>(Round(a.x), L(0.0));
}
// a - b floor(a / b).
template <class L>
INGRAD_EXPR Dual<L> Remainder(Dual<L> a, Dual<L> b) {
  return Dual<L>(Remainder(a.x, b.x), a.d - FloorDivide(a.x, b.x) * b.d);
}
template <class L>
INGRAD_EXPR Dual<L> FloorDivide(Dual<L> a, Dual<L> b) {
  return Dual<L>(FloorDivide(a.x, b.x), L(0.0));
}
// b a^(b-1) a' + a^b log(a) b'; terms with b == 0 or an exponent that does not vary are zero, not
// the NaN of their factors.
template <class L>
INGRAD_EXPR Dual<L> Pow(Dual<L> a, Dual<L> b) {
  const L value = Pow(a.x, b.x);
  const L zero(0.0);
  const L in_base = Select(Eq(b.x, zero), zero, b.x * Pow(a.x, b.x - L(1.0)) * a.d);
  const L log_base = Log(Select(Gt(a.x, zero), a.x, L(1.0)));
  const L in_exponent = Select(Eq(b.d, zero), zero,
                               Select(Ge(a.x, zero), value * log_base * b.d, Log(a.x) * b.d));
  return Dual<L>(value, in_base + in_exponent);
}
