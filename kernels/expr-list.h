// SPDX-License-Identifier: Apache-2.0
// The list of elementwise functions, from which every table is generated.
//   X(name, arity, parameters, differentiable, result, integers, formula)
// Inputs are a, b, c; parameters P(0), P(1); L is the lane type. `differentiable`: bit i says that
// the derivative with respect to input i is not identically zero. `result`: V for a value of the
// compute type, B for a truth value. `integers`: 1 if the formula is exact on i64.
#pragma once

#define INGRAD_EXPR_ARITHMETIC(X)                                                  \
  X(copy, 1, 0, 1, V, 1, a)                                                        \
  X(add, 2, 0, 3, V, 1, a + b)                                                     \
  X(sub, 2, 0, 3, V, 1, a - b)                                                     \
  X(mul, 2, 0, 3, V, 1, a * b)                                                     \
  X(div, 2, 0, 3, V, 0, a / b)                                                     \
  X(neg, 1, 0, 1, V, 1, -a)                                                        \
  X(abs, 1, 0, 1, V, 1, Abs(a))                                                    \
  X(sign, 1, 0, 0, V, 1, Sign(a))                                                  \
  X(square, 1, 0, 1, V, 1, a * a)                                                  \
  X(reciprocal, 1, 0, 1, V, 0, L(1.0) / a)                                         \
  X(sqrt, 1, 0, 1, V, 0, Sqrt(a))                                                  \
  X(rsqrt, 1, 0, 1, V, 0, L(1.0) / Sqrt(a))                                        \
  X(maximum, 2, 0, 3, V, 1, Maximum(a, b))                                         \
  X(minimum, 2, 0, 3, V, 1, Minimum(a, b))                                         \
  X(clamp, 1, 2, 1, V, 0, Clamp(a, P(0), P(1)))                                    \
  X(floor, 1, 0, 0, V, 1, Floor(a))                                                \
  X(ceil, 1, 0, 0, V, 1, -Floor(-a))                                               \
  X(round, 1, 0, 0, V, 1, Round(a))                                                \
  X(floor_straight_through, 1, 0, 1, V, 0, StraightThrough(a, Floor(a)))           \
  X(round_straight_through, 1, 0, 1, V, 0, StraightThrough(a, Round(a)))           \
  X(remainder, 2, 0, 3, V, 1, Remainder(a, b))                                     \
  X(floor_divide, 2, 0, 0, V, 1, FloorDivide(a, b))                                \
  X(where, 3, 0, 6, V, 1, Select(Ne(a, L(0.0)), b, c))                             \
  X(add_scaled, 2, 1, 3, V, 0, a + P(0) * b)                                       \
  X(scale_shift, 1, 2, 1, V, 0, P(0) * a + P(1))                                   \
  X(eq, 2, 0, 0, B, 1, Truth<L>(Eq(a, b)))                                         \
  X(ne, 2, 0, 0, B, 1, Truth<L>(Ne(a, b)))                                         \
  X(lt, 2, 0, 0, B, 1, Truth<L>(Lt(a, b)))                                         \
  X(le, 2, 0, 0, B, 1, Truth<L>(Le(a, b)))                                         \
  X(gt, 2, 0, 0, B, 1, Truth<L>(Gt(a, b)))                                         \
  X(ge, 2, 0, 0, B, 1, Truth<L>(Ge(a, b)))                                         \
  X(logical_and, 2, 0, 0, B, 1, Truth<L>(Ne(a, L(0.0))) * Truth<L>(Ne(b, L(0.0)))) \
  X(logical_or, 2, 0, 0, B, 1,                                                     \
    Truth<L>(Gt(Truth<L>(Ne(a, L(0.0))) + Truth<L>(Ne(b, L(0.0))), L(0.0))))       \
  X(logical_xor, 2, 0, 0, B, 1,                                                    \
    Truth<L>(Ne(Truth<L>(Ne(a, L(0.0))), Truth<L>(Ne(b, L(0.0))))))                \
  X(logical_not, 1, 0, 0, B, 1, Truth<L>(Eq(a, L(0.0))))                           \
  X(isnan, 1, 0, 0, B, 1, Truth<L>(Ne(a, a)))                                      \
  X(isfinite, 1, 0, 0, B, 1, Truth<L>(Eq(a - a, L(0.0))))                          \
  X(isinf, 1, 0, 0, B, 1, Truth<L>(Eq(a, a)) * Truth<L>(Ne(a - a, L(0.0))))

#define INGRAD_EXPR_MATH(X)                                                        \
  X(exp, 1, 0, 1, V, 0, Exp(a))                                                    \
  X(exp2, 1, 0, 1, V, 0, Exp(a* L(0.69314718055994530942)))                        \
  X(expm1, 1, 0, 1, V, 0, Expm1(a))                                                \
  X(log, 1, 0, 1, V, 0, Log(a))                                                    \
  X(log2, 1, 0, 1, V, 0, Log(a) * L(1.44269504088896340736))                       \
  X(log10, 1, 0, 1, V, 0, Log(a) * L(0.43429448190325182765))                      \
  X(log1p, 1, 0, 1, V, 0, Log1p(a))                                                \
  X(sin, 1, 0, 1, V, 0, Sin(a))                                                    \
  X(cos, 1, 0, 1, V, 0, Cos(a))                                                    \
  X(tan, 1, 0, 1, V, 0, Sin(a) / Cos(a))                                           \
  X(atan, 1, 0, 1, V, 0, Atan(a))                                                  \
  X(tanh, 1, 0, 1, V, 0, Tanh(a))                                                  \
  X(erf, 1, 0, 1, V, 0, Erf(a))                                                    \
  X(pow, 2, 0, 3, V, 0, Pow(a, b))                                                 \
  X(pow_scalar, 1, 1, 1, V, 0, Pow(a, P(0)))

#define INGRAD_EXPR_ACTIVATION(X)                                                  \
  X(relu, 1, 0, 1, V, 0, Relu(a))                                                  \
  X(relu_grad, 2, 0, 2, V, 0, Select(Gt(a, L(0.0)), b, L(0.0)))                    \
  X(leaky_relu, 1, 1, 1, V, 0, Select(Gt(a, L(0.0)), a, P(0) * a))                 \
  X(sigmoid, 1, 0, 1, V, 0, Sigmoid(a))                                            \
  X(log_sigmoid, 1, 0, 1, V, 0, -LogOnePlusExp(-a))                                \
  X(silu, 1, 0, 1, V, 0, a* Sigmoid(a))                                            \
  X(softplus, 1, 2, 1, V, 0, Softplus(a, P(0), P(1)))                              \
  X(mish, 1, 0, 1, V, 0, a* Tanh(LogOnePlusExp(a)))                                \
  X(elu, 1, 1, 1, V, 0, Elu(a, P(0)))                                              \
  X(celu, 1, 1, 1, V, 0, Celu(a, P(0)))                                            \
  X(selu, 1, 0, 1, V, 0, Selu(a))                                                  \
  X(gelu, 1, 0, 1, V, 0, Gelu(a))                                                  \
  X(gelu_tanh, 1, 0, 1, V, 0, GeluTanh(a))                                         \
  X(hardsigmoid, 1, 0, 1, V, 0, HardSigmoid(a))                                    \
  X(hardswish, 1, 0, 1, V, 0, a* HardSigmoid(a))                                   \
  X(softsign, 1, 0, 1, V, 0, a / (L(1.0) + Abs(a)))                                \
  X(tanhshrink, 1, 0, 1, V, 0, a - Tanh(a))

#define INGRAD_EXPR_ALL(X) \
  INGRAD_EXPR_ARITHMETIC(X) INGRAD_EXPR_MATH(X) INGRAD_EXPR_ACTIVATION(X)
