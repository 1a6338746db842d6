// SPDX-License-Identifier: Apache-2.0
// Softmax and log-softmax along one axis, and their backward passes.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// Over i of x[o][i][k], contiguous [outer][n][inner]:
//   y = exp(x - m) / s   or, if `log`, y = (x - m) - log(s),   m = max x, s = sum exp(x - m).
// A line with +infinity or only -infinity gives NaN. y may equal x. Each line is computed alike
// wherever it lies; within 2 ULP plus the error of a sum of n terms.
struct SoftmaxArgs {
  const void* x = nullptr;
  void* y = nullptr;
  std::int64_t outer = 0, n = 0, inner = 1;
  bool log = false;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(y);
  }
};

// Given the output y and its cotangent dy:
//   dx = y * (dy - sum dy y)   or, if `log`, dx = dy - exp(y) * sum dy.
// dx may equal dy.
struct SoftmaxGradArgs {
  const void* y = nullptr;
  const void* dy = nullptr;
  void* dx = nullptr;
  std::int64_t outer = 0, n = 0, inner = 1;
  bool log = false;

  template <class F>
  void for_each_operand(F&& f) {
    f(y);
    f(dy);
    f(dx);
  }
};

// dtypes f32, f64. Units: the lines (o, k), k fastest.
extern const Family<SoftmaxArgs> softmax;
extern const Family<SoftmaxGradArgs> softmax_grad;

}  // namespace ingrad::kernels
