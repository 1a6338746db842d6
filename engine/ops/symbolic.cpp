// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/symbolic.h"

#include <optional>

#include "engine/op.h"
#include "engine/ops/elementwise.h"
#include "kernels/expr-list.h"

namespace ingrad::symbolic {
namespace {

#undef INGRAD_EXPR
#define INGRAD_EXPR inline

// A tensor, or a constant that is folded as long as possible: dual numbers are full of zeros and
// ones.
struct Sym {
  Tensor t;
  double c = 0;
  Sym() = default;
  explicit Sym(double constant) : c(constant) {}
  explicit Sym(Tensor tensor) : t(std::move(tensor)) {}
  bool is(double v) const { return !t.defined() && c == v; }
  bool is_constant() const { return !t.defined(); }
  Arg arg() const { return t.defined() ? Arg(t) : Arg(c); }
};
struct SymMask {
  Tensor t;
  bool known = false;
  DType values = DType::f32;  // of the tensors compared, for selections between constants
};

Sym operator+(const Sym& a, const Sym& b) {
  if (a.is_constant() && b.is_constant()) return Sym(a.c + b.c);
  if (a.is(0)) return b;
  if (b.is(0)) return a;
  return Sym(add(a.arg(), b.arg()));
}
Sym operator-(const Sym& a) { return a.is_constant() ? Sym(-a.c) : Sym(neg(a.t)); }
Sym operator-(const Sym& a, const Sym& b) {
  if (a.is_constant() && b.is_constant()) return Sym(a.c - b.c);
  if (a.is(0)) return -b;
  if (b.is(0)) return a;
  return Sym(sub(a.arg(), b.arg()));
}
Sym operator*(const Sym& a, const Sym& b) {
  if (a.is_constant() && b.is_constant()) return Sym(a.c * b.c);
  // Zero here is a derivative that vanishes identically, whatever the other factor.
  if (a.is(0) || b.is(0)) return Sym(0.0);
  if (a.is(1)) return b;
  if (b.is(1)) return a;
  return Sym(mul(a.arg(), b.arg()));
}
Sym operator/(const Sym& a, const Sym& b) {
  if (a.is_constant() && b.is_constant()) return Sym(a.c / b.c);
  if (a.is(0)) return a;
  if (b.is(1)) return a;
  return Sym(div(a.arg(), b.arg()));
}

#define INGRAD_COMPARE(Name, function, operation)                                  \
  SymMask Name(const Sym& a, const Sym& b) {                                       \
    if (a.is_constant() && b.is_constant()) return {Tensor(), a.c operation b.c};  \
    return {function(a.arg(), b.arg()), false, a.t.defined() ? a.t.dtype() : b.t.dtype()}; \
  }
INGRAD_COMPARE(Lt, lt, <)
INGRAD_COMPARE(Le, le, <=)
INGRAD_COMPARE(Gt, gt, >)
INGRAD_COMPARE(Ge, ge, >=)
INGRAD_COMPARE(Eq, eq, ==)
INGRAD_COMPARE(Ne, ne, !=)
#undef INGRAD_COMPARE

Sym Select(const SymMask& m, const Sym& a, const Sym& b) {
  if (!m.t.defined()) return m.known ? a : b;
  if (a.is_constant() && b.is_constant() && a.c == b.c) return a;
  if (!a.is_constant() || !b.is_constant()) return Sym(where(m.t, a.arg(), b.arg()));
  return Sym(where(m.t, Tensor::scalar(a.c, m.values), Tensor::scalar(b.c, m.values)));
}
Sym Tie(const Sym& a, const Sym&) { return a; }
Sym Constant(const Sym& a) { return a.is_constant() ? a : Sym(a.t.detach()); }

#define INGRAD_PRIMITIVE(Name, function) \
  Sym Name(const Sym& a) { return Sym(function(a.is_constant() ? Tensor::scalar(a.c, DType::f64) : a.t)); }
INGRAD_PRIMITIVE(Exp, exp)
INGRAD_PRIMITIVE(Expm1, expm1)
INGRAD_PRIMITIVE(Log, log)
INGRAD_PRIMITIVE(Log1p, log1p)
INGRAD_PRIMITIVE(Sqrt, sqrt)
INGRAD_PRIMITIVE(Sin, sin)
INGRAD_PRIMITIVE(Cos, cos)
INGRAD_PRIMITIVE(Tanh, tanh)
INGRAD_PRIMITIVE(Atan, atan)
INGRAD_PRIMITIVE(Erf, erf)
INGRAD_PRIMITIVE(Abs, abs)
INGRAD_PRIMITIVE(Floor, floor)
INGRAD_PRIMITIVE(Round, round)
#undef INGRAD_PRIMITIVE
Sym Pow(const Sym& a, const Sym& b) { return Sym(pow(a.arg(), b.arg())); }
Sym Remainder(const Sym& a, const Sym& b) { return Sym(remainder(a.arg(), b.arg())); }
Sym FloorDivide(const Sym& a, const Sym& b) { return Sym(floor_divide(a.arg(), b.arg())); }

#include "kernels/expr-inl.h"
#include "kernels/dual-inl.h"
#define INGRAD_EXPR_PART INGRAD_EXPR_ALL
#include "kernels/expr-functions-inl.h"
#undef INGRAD_EXPR_PART

template <class F>
Sym derivative(std::span<const Tensor> in, int input, const double* parameters) {
  Dual<Sym> x[F::kArity];
  for (int k = 0; k < F::kArity; ++k) {
    x[k] = Dual<Sym>(Sym(in[static_cast<std::size_t>(k) + 1]), Sym(k == input ? 1.0 : 0.0));
  }
  return Sym(in[0]) * F::call(x, parameters).d;
}

using Derivative = Sym (*)(std::span<const Tensor>, int, const double*);
#define INGRAD_ENTRY(name, ...) &derivative<Function_##name>,
constexpr Derivative kDerivatives[] = {INGRAD_EXPR_ALL(INGRAD_ENTRY)};
#undef INGRAD_ENTRY

}  // namespace

Tensor evaluate(int function, int input, std::span<const Tensor> in, const double* parameters) {
  const Sym d = kDerivatives[function](in, input, parameters);
  // The result has the broadcast shape even where the derivative is constant.
  Tensor result = d.is_constant() ? mul(in[0], d.c) : d.t;
  for (const Tensor& t : in) {
    const Shape shape = broadcast_shapes("derivative", result.shape(), t.shape());
    if (shape != result.shape()) {
      result = add(result, Tensor::full(shape, 0, result.dtype()));
    }
  }
  return result;
}

}  // namespace ingrad::symbolic

namespace ingrad {

Tensor symbolic_derivative(int function, int input, std::span<const Tensor> in,
                           const double* parameters) {
  return symbolic::evaluate(function, input, in, parameters);
}

}  // namespace ingrad
