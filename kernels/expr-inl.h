// SPDX-License-Identifier: Apache-2.0
// Every elementwise formula, once. Included into each namespace that has a lane type L: double for
// the reference, SIMD vectors per instruction set, dual numbers over both, symbolic lanes of the
// engine. No include guard, no includes. INGRAD_EXPR carries function attributes.
//
// A lane type has + - * /, unary -, a constructor from double, comparisons Lt Le Gt Ge Eq Ne that
// give masks, Select(mask, a, b), and the primitives Exp Log Log1p Expm1 Sqrt Sin Cos Tanh Atan Erf
// Abs Floor Round Pow Remainder FloorDivide Tie (of equal values: the value, the mean derivative).

template <class L, class M>
INGRAD_EXPR L Truth(M mask) {
  return Select(mask, L(1.0), L(0.0));
}
template <class L>
INGRAD_EXPR L Sign(L a) {
  return Select(Gt(a, L(0.0)), L(1.0), Select(Lt(a, L(0.0)), L(-1.0), L(0.0)));
}
// Ties share the derivative; NaN wins.
template <class L>
INGRAD_EXPR L Maximum(L a, L b) {
  return Select(Gt(a, b), a, Select(Lt(a, b), b, Select(Ne(a, a), a, Select(Ne(b, b), b, Tie(a, b)))));
}
template <class L>
INGRAD_EXPR L Minimum(L a, L b) {
  return Select(Lt(a, b), a, Select(Gt(a, b), b, Select(Ne(a, a), a, Select(Ne(b, b), b, Tie(a, b)))));
}
template <class L>
INGRAD_EXPR L Clamp(L a, L low, L high) {
  return Select(Lt(a, low), low, Select(Gt(a, high), high, a));
}
template <class L>
INGRAD_EXPR L Relu(L a) {
  return Select(Le(a, L(0.0)), L(0.0), a);
}
// -|a|, with the derivative 1 at zero: the branch that formulas smooth at zero take there as well.
template <class L>
INGRAD_EXPR L MinusAbs(L a) {
  return Select(Le(a, L(0.0)), a, -a);
}
// 1 / (1 + e^-|a|) and its mirror image: never overflows.
template <class L>
INGRAD_EXPR L Sigmoid(L a) {
  const L e = Exp(MinusAbs(a));
  return Select(Le(a, L(0.0)), e, L(1.0)) / (L(1.0) + e);
}
// log(1 + e^a).
template <class L>
INGRAD_EXPR L LogOnePlusExp(L a) {
  return Relu(a) + Log1p(Exp(MinusAbs(a)));
}
template <class L>
INGRAD_EXPR L Softplus(L a, L beta, L threshold) {
  const L scaled = a * beta;
  return Select(Gt(scaled, threshold), a, LogOnePlusExp(scaled) / beta);
}
template <class L>
INGRAD_EXPR L Gelu(L a) {
  return L(0.5) * a * (L(1.0) + Erf(a * L(0.70710678118654752440)));
}
template <class L>
INGRAD_EXPR L GeluTanh(L a) {
  const L inner = L(0.79788456080286535588) * (a + L(0.044715) * a * a * a);
  return L(0.5) * a * (L(1.0) + Tanh(inner));
}
// The argument of expm1 is kept from overflowing where the other branch is taken.
template <class L>
INGRAD_EXPR L Elu(L a, L alpha) {
  return Select(Gt(a, L(0.0)), a, alpha * Expm1(Select(Gt(a, L(0.0)), L(0.0), a)));
}
template <class L>
INGRAD_EXPR L Celu(L a, L alpha) {
  return Select(Gt(a, L(0.0)), a, alpha * Expm1(Select(Gt(a, L(0.0)), L(0.0), a) / alpha));
}
template <class L>
INGRAD_EXPR L Selu(L a) {
  return L(1.05070098735548049342) * Elu(a, L(1.67326324235437728482));
}
template <class L>
INGRAD_EXPR L HardSigmoid(L a) {
  return Clamp(a / L(6.0) + L(0.5), L(0.0), L(1.0));
}
template <class L>
INGRAD_EXPR L Square(L a) {
  return a * a;
}
// The straight-through estimator: the value of `rounded`, the derivative of `a`.
template <class L>
INGRAD_EXPR L StraightThrough(L a, L rounded) {
  return a + Constant(rounded - a);
}
