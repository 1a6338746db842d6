// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/elementwise_tables.h"
#include "kernels/expr-list.h"

namespace ingrad::kernels::cpu {

TileFn elementwise_tile(int function, int derivative, DType compute) {
#define INGRAD_ONE(...) +1
  constexpr int kArithmetic = 0 INGRAD_EXPR_ARITHMETIC(INGRAD_ONE);
  constexpr int kMath = 0 INGRAD_EXPR_MATH(INGRAD_ONE);
#undef INGRAD_ONE
  if (function < kArithmetic) return arithmetic_tile(function, derivative, compute);
  function -= kArithmetic;
  if (function < kMath) return math_tile(function, derivative, compute);
  return activation_tile(function - kMath, derivative, compute);
}

}  // namespace ingrad::kernels::cpu
