// SPDX-License-Identifier: Apache-2.0
// Elementwise functions. Operands broadcast; dtypes are promoted (boolean < u8 < i32 < i64 < f16,
// bf16 < f32 < f64); integers given to functions of real numbers become f32; half precision is
// computed in f32 and rounded once. A scalar operand takes the dtype of the tensor beside it, or
// f32 beside integers if it has a fraction. Formulas, one a line: kernels/expr-list.h.
#pragma once

#include <cstdint>
#include <limits>

#include "engine/tensor.h"

namespace ingrad {

// A tensor or a scalar, with the place where it was written: so that operators, too, can name the
// user's line in errors.
class Arg {
 public:
  Arg(const Tensor& t, Location where = Location::current())  // NOLINT: converts on purpose
      : tensor_(t), where_(where) {}
  Arg(double v, Location where = Location::current())  // NOLINT
      : scalar_(true), value_(v), where_(where) {}
  Arg(float v, Location where = Location::current()) : Arg(double{v}, where) {}            // NOLINT
  Arg(int v, Location where = Location::current()) : Arg(static_cast<double>(v), where) {  // NOLINT
  }
  Arg(std::int64_t v, Location where = Location::current())  // NOLINT
      : Arg(static_cast<double>(v), where) {}

  bool is_scalar() const { return scalar_; }
  const Tensor& tensor() const { return tensor_; }
  double value() const { return value_; }
  const Location& where() const { return where_; }

 private:
  Tensor tensor_;
  bool scalar_ = false;
  double value_ = 0;
  Location where_;
};

// ---- arithmetic -------------------------------------------------------------------------------
Tensor add(const Arg& a, const Arg& b, Location where = Location::current());
Tensor sub(const Arg& a, const Arg& b, Location where = Location::current());
Tensor mul(const Arg& a, const Arg& b, Location where = Location::current());
// True division: integers give f32.
Tensor div(const Arg& a, const Arg& b, Location where = Location::current());
// floor(a / b), and what is left, with the sign of b. Error on an integer zero in b.
Tensor floor_divide(const Arg& a, const Arg& b, Location where = Location::current());
Tensor remainder(const Arg& a, const Arg& b, Location where = Location::current());
// a^b. An exponent of 0.5, -0.5, -1, 1, 2 or 3 takes the cheaper exact path.
Tensor pow(const Arg& a, const Arg& b, Location where = Location::current());
// NaN wins; equal values share the derivative.
Tensor maximum(const Arg& a, const Arg& b, Location where = Location::current());
Tensor minimum(const Arg& a, const Arg& b, Location where = Location::current());
// a + scale * b.
Tensor add_scaled(const Tensor& a, const Tensor& b, double scale,
                  Location where = Location::current());

inline Tensor operator+(const Arg& a, const Arg& b) { return add(a, b, a.where()); }
inline Tensor operator-(const Arg& a, const Arg& b) { return sub(a, b, a.where()); }
inline Tensor operator*(const Arg& a, const Arg& b) { return mul(a, b, a.where()); }
inline Tensor operator/(const Arg& a, const Arg& b) { return div(a, b, a.where()); }
Tensor operator-(const Arg& a);

// ---- comparison and logic: boolean results -----------------------------------------------------
Tensor eq(const Arg& a, const Arg& b, Location where = Location::current());
Tensor ne(const Arg& a, const Arg& b, Location where = Location::current());
Tensor lt(const Arg& a, const Arg& b, Location where = Location::current());
Tensor le(const Arg& a, const Arg& b, Location where = Location::current());
Tensor gt(const Arg& a, const Arg& b, Location where = Location::current());
Tensor ge(const Arg& a, const Arg& b, Location where = Location::current());
Tensor logical_and(const Arg& a, const Arg& b, Location where = Location::current());
Tensor logical_or(const Arg& a, const Arg& b, Location where = Location::current());
Tensor logical_xor(const Arg& a, const Arg& b, Location where = Location::current());
// condition ? a : b; the condition is true where it is not zero.
Tensor where(const Tensor& condition, const Arg& a, const Arg& b,
             Location where = Location::current());

// ---- unary ------------------------------------------------------------------------------------
#define INGRAD_DECLARE_UNARY(name) \
  Tensor name(const Tensor& x, Location where = Location::current());
// Any dtype. sign(0) = 0; abs has derivative 0 at 0; round goes to the nearest even integer; floor,
// ceil, round and sign have derivative zero.
INGRAD_DECLARE_UNARY(neg)
INGRAD_DECLARE_UNARY(abs)
INGRAD_DECLARE_UNARY(sign)
INGRAD_DECLARE_UNARY(square)
INGRAD_DECLARE_UNARY(floor)
INGRAD_DECLARE_UNARY(ceil)
INGRAD_DECLARE_UNARY(round)
INGRAD_DECLARE_UNARY(logical_not)
INGRAD_DECLARE_UNARY(isnan)
INGRAD_DECLARE_UNARY(isinf)
INGRAD_DECLARE_UNARY(isfinite)
// Functions of real numbers.
INGRAD_DECLARE_UNARY(floor_straight_through)  // the derivative is one
INGRAD_DECLARE_UNARY(round_straight_through)
INGRAD_DECLARE_UNARY(reciprocal)
INGRAD_DECLARE_UNARY(sqrt)
INGRAD_DECLARE_UNARY(rsqrt)
INGRAD_DECLARE_UNARY(exp)
INGRAD_DECLARE_UNARY(exp2)
INGRAD_DECLARE_UNARY(expm1)
INGRAD_DECLARE_UNARY(log)
INGRAD_DECLARE_UNARY(log2)
INGRAD_DECLARE_UNARY(log10)
INGRAD_DECLARE_UNARY(log1p)
INGRAD_DECLARE_UNARY(sin)
INGRAD_DECLARE_UNARY(cos)
INGRAD_DECLARE_UNARY(tan)
INGRAD_DECLARE_UNARY(atan)
INGRAD_DECLARE_UNARY(tanh)
INGRAD_DECLARE_UNARY(erf)
INGRAD_DECLARE_UNARY(sigmoid)
INGRAD_DECLARE_UNARY(log_sigmoid)
INGRAD_DECLARE_UNARY(relu)  // derivative 0 at 0
INGRAD_DECLARE_UNARY(silu)
INGRAD_DECLARE_UNARY(mish)
INGRAD_DECLARE_UNARY(selu)
INGRAD_DECLARE_UNARY(gelu)       // with erf
INGRAD_DECLARE_UNARY(gelu_tanh)  // the tanh approximation
INGRAD_DECLARE_UNARY(hardsigmoid)
INGRAD_DECLARE_UNARY(hardswish)
INGRAD_DECLARE_UNARY(softsign)
INGRAD_DECLARE_UNARY(tanhshrink)
#undef INGRAD_DECLARE_UNARY
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01,
                  Location where = Location::current());
Tensor elu(const Tensor& x, double alpha = 1, Location where = Location::current());
Tensor celu(const Tensor& x, double alpha = 1, Location where = Location::current());
// log(1 + e^(beta x)) / beta; x itself where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20,
                Location where = Location::current());
// min(max(x, low), high); the derivative is one at the bounds. Any dtype.
Tensor clamp(const Tensor& x, double low, double high = std::numeric_limits<double>::infinity(),
             Location where = Location::current());

// ---- storage ----------------------------------------------------------------------------------
// The same values as another dtype: to integers truncated and saturated, NaN to 0; to half
// precision rounded to nearest even; to boolean compared with zero.
Tensor cast(const Tensor& x, DType dtype, Location where = Location::current());
// The same values densely in row-major order; the tensor itself if it is so already.
Tensor contiguous(const Tensor& x, Location where = Location::current());

// The sum of x over the axes along which `shape` was broadcast to give x's shape.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace ingrad
