// SPDX-License-Identifier: Apache-2.0
// The public functions: promotion of dtypes, scalars, and the choice of cheaper exact forms.
#include <fmt/format.h>

#include <cmath>

#include "engine/op.h"
#include "engine/device.h"
#include "engine/ops/elementwise.h"

namespace ingrad {
namespace {

// The dtype in which two operands meet. A scalar takes that of the tensor, unless it has a fraction
// and the tensor is of integers.
DType meet(const char* op, const Arg& a, const Arg& b, Location where) {
  if (a.is_scalar() && b.is_scalar()) {
    throw Error(fmt::format("{}: two scalars; expected a tensor", op), where);
  }
  for (const Arg* arg : {&a, &b}) {
    if (!arg->is_scalar() && !arg->tensor().defined()) {
      throw Error(fmt::format("{}: the {} operand is an undefined tensor", op,
                              arg == &a ? "first" : "second"),
                  where);
    }
  }
  if (!a.is_scalar() && !b.is_scalar()) return promote(a.tensor().dtype(), b.tensor().dtype());
  const DType t = a.is_scalar() ? b.tensor().dtype() : a.tensor().dtype();
  const double v = a.is_scalar() ? a.value() : b.value();
  if (is_floating(t)) return t;
  if (std::trunc(v) != v) return DType::f32;
  return t == DType::boolean && v != 0 && v != 1 ? DType::i64 : t;
}

// Error naming the op, which accessors of an undefined tensor could not.
const Tensor& defined(const char* op, const Tensor& x, Location where) {
  if (!x.defined()) throw Error(fmt::format("{}: the operand is an undefined tensor", op), where);
  return x;
}

DType real(DType t) { return is_floating(t) ? t : DType::f32; }

// A scalar goes to the tensor beside it.
Tensor as(const Arg& a, DType t, const Arg& beside, Location where) {
  if (a.is_scalar()) {
    const DeviceScope scope(beside.is_scalar() ? current_device() : beside.tensor().device(), where);
    return Tensor::scalar(a.value(), t);
  }
  return a.tensor().dtype() == t ? a.tensor() : cast(a.tensor(), t, where);
}

Tensor binary(const OpDef& op, const Arg& a, const Arg& b, DType t, Location where) {
  return apply1(op, {}, {as(a, t, b, where), as(b, t, a, where)}, where);
}

// Booleans count as integers in arithmetic.
DType number(DType t) { return t == DType::boolean ? DType::i64 : t; }

}  // namespace

#define INGRAD_BINARY(name, dtype_rule)                          \
  Tensor name(const Arg& a, const Arg& b, Location where) {      \
    static const OpDef& op = find_op(#name);                     \
    return binary(op, a, b, dtype_rule(meet(#name, a, b, where)), where); \
  }
#define INGRAD_SAME(t) (t)
INGRAD_BINARY(add, number)
INGRAD_BINARY(sub, number)
INGRAD_BINARY(mul, number)
INGRAD_BINARY(div, real)
INGRAD_BINARY(floor_divide, number)
INGRAD_BINARY(remainder, number)
INGRAD_BINARY(maximum, number)
INGRAD_BINARY(minimum, number)
INGRAD_BINARY(eq, INGRAD_SAME)
INGRAD_BINARY(ne, INGRAD_SAME)
INGRAD_BINARY(lt, INGRAD_SAME)
INGRAD_BINARY(le, INGRAD_SAME)
INGRAD_BINARY(gt, INGRAD_SAME)
INGRAD_BINARY(ge, INGRAD_SAME)
INGRAD_BINARY(logical_and, INGRAD_SAME)
INGRAD_BINARY(logical_or, INGRAD_SAME)
INGRAD_BINARY(logical_xor, INGRAD_SAME)
#undef INGRAD_BINARY
#undef INGRAD_SAME

#define INGRAD_UNARY(name, rule)                                              \
  Tensor name(const Tensor& x, Location where) {                              \
    static const OpDef& op = find_op(#name);                                  \
    const DType t = rule(defined(#name, x, where).dtype());                   \
    return apply1(op, {}, {x.dtype() == t ? x : cast(x, t, where)}, where);   \
  }
#define INGRAD_SAME(t) (t)
INGRAD_UNARY(neg, number)
INGRAD_UNARY(abs, number)
INGRAD_UNARY(sign, number)
INGRAD_UNARY(square, number)
INGRAD_UNARY(floor, number)
INGRAD_UNARY(ceil, number)
INGRAD_UNARY(round, number)
INGRAD_UNARY(logical_not, INGRAD_SAME)
INGRAD_UNARY(isnan, INGRAD_SAME)
INGRAD_UNARY(isinf, INGRAD_SAME)
INGRAD_UNARY(isfinite, INGRAD_SAME)
INGRAD_UNARY(floor_straight_through, real)
INGRAD_UNARY(round_straight_through, real)
INGRAD_UNARY(reciprocal, real)
INGRAD_UNARY(sqrt, real)
INGRAD_UNARY(rsqrt, real)
INGRAD_UNARY(exp, real)
INGRAD_UNARY(exp2, real)
INGRAD_UNARY(expm1, real)
INGRAD_UNARY(log, real)
INGRAD_UNARY(log2, real)
INGRAD_UNARY(log10, real)
INGRAD_UNARY(log1p, real)
INGRAD_UNARY(sin, real)
INGRAD_UNARY(cos, real)
INGRAD_UNARY(tan, real)
INGRAD_UNARY(atan, real)
INGRAD_UNARY(tanh, real)
INGRAD_UNARY(erf, real)
INGRAD_UNARY(sigmoid, real)
INGRAD_UNARY(log_sigmoid, real)
INGRAD_UNARY(relu, real)
INGRAD_UNARY(silu, real)
INGRAD_UNARY(mish, real)
INGRAD_UNARY(selu, real)
INGRAD_UNARY(gelu, real)
INGRAD_UNARY(gelu_tanh, real)
INGRAD_UNARY(hardsigmoid, real)
INGRAD_UNARY(hardswish, real)
INGRAD_UNARY(softsign, real)
INGRAD_UNARY(tanhshrink, real)
#undef INGRAD_UNARY
#undef INGRAD_SAME

namespace {

Tensor with_parameters(const char* name, const Attrs& attrs, const Tensor& x, Location where) {
  const DType t = real(defined(name, x, where).dtype());
  return apply1(find_op(name), attrs, {x.dtype() == t ? x : cast(x, t, where)}, where);
}

}  // namespace

Tensor operator-(const Arg& a) { return neg(a.tensor(), a.where()); }

Tensor where(const Tensor& condition, const Arg& a, const Arg& b, Location where) {
  static const OpDef& op = find_op("where");
  const DType t = a.is_scalar() && b.is_scalar() ? DType::f32 : meet("where", a, b, where);
  const Arg beside(condition);
  return apply1(op, {}, {condition, as(a, t, beside, where), as(b, t, beside, where)}, where);
}

Tensor pow(const Arg& a, const Arg& b, Location where) {
  static const OpDef& op = find_op("pow");
  if (!b.is_scalar() || a.is_scalar()) {
    return binary(op, a, b, real(meet("pow", a, b, where)), where);
  }
  const Tensor& x = a.tensor();
  const double e = b.value();
  if (e == 2) return square(x, where);
  if (e == 1) return x;
  if (e == 3) return mul(square(x, where), x, where);
  if (e == 0.5) return sqrt(x, where);
  if (e == -0.5) return rsqrt(x, where);
  if (e == -1) return reciprocal(x, where);
  return with_parameters("pow_scalar", {{"exponent", e}}, x, where);
}

Tensor add_scaled(const Tensor& a, const Tensor& b, double scale, Location where) {
  static const OpDef& op = find_op("add_scaled");
  const DType t = real(promote(a.dtype(), b.dtype()));
  return apply1(op, {{"scale", scale}}, {as(a, t, b, where), as(b, t, a, where)}, where);
}

Tensor leaky_relu(const Tensor& x, double negative_slope, Location where) {
  return with_parameters("leaky_relu", {{"negative_slope", negative_slope}}, x, where);
}
Tensor elu(const Tensor& x, double alpha, Location where) {
  return with_parameters("elu", {{"alpha", alpha}}, x, where);
}
Tensor celu(const Tensor& x, double alpha, Location where) {
  if (alpha == 0) throw Error("celu: alpha is 0", where);
  return with_parameters("celu", {{"alpha", alpha}}, x, where);
}
Tensor softplus(const Tensor& x, double beta, double threshold, Location where) {
  if (beta == 0) throw Error("softplus: beta is 0", where);
  return with_parameters("softplus", {{"beta", beta}, {"threshold", threshold}}, x, where);
}

Tensor clamp(const Tensor& x, double low, double high, Location where) {
  if (!is_floating(x.dtype())) {
    const DeviceScope scope(x.device(), where);
    Tensor y = x;
    if (std::isfinite(low)) y = maximum(y, Tensor::scalar(low, x.dtype()), where);
    if (std::isfinite(high)) y = minimum(y, Tensor::scalar(high, x.dtype()), where);
    return y;
  }
  return with_parameters("clamp", {{"low", low}, {"high", high}}, x, where);
}

Tensor cast(const Tensor& x, DType dtype, Location where) {
  if (x.dtype() == dtype) return x;
  static const OpDef& op = find_op("cast");
  return apply1(op, {{"dtype", dtype}}, {x}, where);
}

Tensor contiguous(const Tensor& x, Location where) {
  if (!x.has_data() || x.is_contiguous()) return x;
  static const OpDef& op = find_op("copy");
  return apply1(op, {}, {x}, where);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int extra = x.rank() - shape.rank();
  std::vector<std::int64_t> axes;
  for (int i = 0; i < x.rank(); ++i) {
    if (i < extra || (shape[i - extra] == 1 && x.shape()[i] != 1)) axes.push_back(i);
  }
  Tensor y = x;
  if (!axes.empty()) y = apply1(find_op("sum"), {{"axes", axes}, {"keepdim", true}}, {x});
  if (extra == 0) return y;
  const std::vector<std::int64_t> extents(shape.begin(), shape.end());
  return apply1(find_op("reshape"), {{"shape", extents}}, {y});
}

}  // namespace ingrad
