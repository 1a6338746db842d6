// SPDX-License-Identifier: Apache-2.0
// Cross entropy of logits with class indices, fused with the log-softmax, and its backward pass.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// Logits x are [outer][n][inner], contiguous; target, and one loss per line, [outer][inner]. With
// p = softmax(x) along n, t the target of the line, w the class weights (1 if null), s `smoothing`:
//   loss = -(1 - s) w[t] log p[t] - s/n sum_c w[c] log p[c],   0 where t == ignore_index.
// Every other target must be in [0, n): checked by the caller, and ignored by devices if not.
// Positions of a line have the same bits wherever it lies. Error as for log_softmax.
struct CrossEntropyArgs {
  const void* x = nullptr;
  const std::int64_t* target = nullptr;
  const void* weight = nullptr;  // [n] or null
  void* loss = nullptr;
  std::int64_t outer = 0, n = 0, inner = 1;
  std::int64_t ignore_index = -100;
  double smoothing = 0;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(target);
    f(weight);
    f(loss);
  }
};

// dx[c] = dloss * ((1 - s) w[t] (p[c] - [c == t]) + s/n (p[c] sum w - w[c])), 0 on ignored lines.
// dx may equal x.
struct CrossEntropyGradArgs {
  const void* x = nullptr;
  const std::int64_t* target = nullptr;
  const void* weight = nullptr;
  const void* dloss = nullptr;  // [outer][inner]
  void* dx = nullptr;
  std::int64_t outer = 0, n = 0, inner = 1;
  std::int64_t ignore_index = -100;
  double smoothing = 0;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(target);
    f(weight);
    f(dloss);
    f(dx);
  }
};

// dtypes (of the logits) f32, f64. Units: the lines (o, k), k fastest.
extern const Family<CrossEntropyArgs> cross_entropy;
extern const Family<CrossEntropyGradArgs> cross_entropy_grad;

}  // namespace ingrad::kernels
