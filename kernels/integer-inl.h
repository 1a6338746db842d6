// SPDX-License-Identifier: Apache-2.0
// 64-bit integers as lanes of the elementwise formulas. Included into a namespace like expr-inl.h.

// Wraps on overflow; division by zero gives zero (callers refuse it beforehand).
struct Integer {
  std::int64_t v = 0;
  Integer() = default;
  INGRAD_EXPR explicit Integer(double x) : v(static_cast<std::int64_t>(x)) {}
  static INGRAD_EXPR Integer of(std::int64_t x) {
    Integer i(0.0);
    i.v = x;
    return i;
  }
  static INGRAD_EXPR Integer wrap(std::uint64_t x) { return of(static_cast<std::int64_t>(x)); }
  INGRAD_EXPR std::uint64_t u() const { return static_cast<std::uint64_t>(v); }
};
INGRAD_EXPR Integer operator+(Integer a, Integer b) { return Integer::wrap(a.u() + b.u()); }
INGRAD_EXPR Integer operator-(Integer a, Integer b) { return Integer::wrap(a.u() - b.u()); }
INGRAD_EXPR Integer operator*(Integer a, Integer b) { return Integer::wrap(a.u() * b.u()); }
INGRAD_EXPR Integer operator-(Integer a) { return Integer::wrap(0 - a.u()); }
INGRAD_EXPR bool Lt(Integer a, Integer b) { return a.v < b.v; }
INGRAD_EXPR bool Le(Integer a, Integer b) { return a.v <= b.v; }
INGRAD_EXPR bool Gt(Integer a, Integer b) { return a.v > b.v; }
INGRAD_EXPR bool Ge(Integer a, Integer b) { return a.v >= b.v; }
INGRAD_EXPR bool Eq(Integer a, Integer b) { return a.v == b.v; }
INGRAD_EXPR bool Ne(Integer a, Integer b) { return a.v != b.v; }
INGRAD_EXPR Integer Select(bool m, Integer a, Integer b) { return m ? a : b; }
INGRAD_EXPR Integer Tie(Integer a, Integer) { return a; }
INGRAD_EXPR Integer Abs(Integer a) { return a.v < 0 ? -a : a; }
INGRAD_EXPR Integer Floor(Integer a) { return a; }
INGRAD_EXPR Integer Round(Integer a) { return a; }
INGRAD_EXPR Integer FloorDivide(Integer a, Integer b) {
  if (b.v == 0) return Integer::of(0);
  if (b.v == -1) return -a;
  const std::int64_t q = a.v / b.v;
  return Integer::of(a.v % b.v != 0 && (a.v < 0) != (b.v < 0) ? q - 1 : q);
}
INGRAD_EXPR Integer Remainder(Integer a, Integer b) { return a - FloorDivide(a, b) * b; }
