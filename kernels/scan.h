// SPDX-License-Identifier: Apache-2.0
// Running sums.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// y[o][i][k] = sum_{j <= i} x[o][j][k], or over j >= i when `reverse`; both [outer][n][inner],
// contiguous, equal or not overlapping. Float sums run in double; i64 wraps.
struct CumsumArgs {
  const void* x = nullptr;
  void* y = nullptr;
  std::int64_t outer = 0, n = 0, inner = 1;
  bool reverse = false;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(y);
  }
};

// dtypes f32, f64, i64. Units: the lines (o, k), k fastest.
extern const Family<CumsumArgs> cumsum;

}  // namespace ingrad::kernels
