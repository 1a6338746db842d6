// SPDX-License-Identifier: Apache-2.0
// The gradient of one output per row of a multilayer perceptron with respect to its input, forward
// and backward in one kernel: for the small networks whose layers take less time than the start of
// a kernel.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

inline constexpr int kMlpMostLayers = 8;
inline constexpr std::int64_t kMlpMostWidth = 256;

// h_0 = x [rows][width[0]],  h_l = relu(W_l h_{l-1} + b_l) for l < layers,  y = W_layers h (+ b);
// dx[r] = the gradient of y[r][index[r]]. W_l is [width[l]][width[l - 1]], contiguous; rows whose
// index is not an output of the network give 0. The last bias plays no part.
struct MlpGradientArgs {
  const void* x = nullptr;
  const std::int64_t* index = nullptr;  // [rows]
  void* dx = nullptr;                   // [rows][width[0]]
  std::int64_t rows = 0;
  int layers = 0;  // at least 2
  std::array<std::int64_t, kMlpMostLayers + 1> width{};
  std::array<const void*, kMlpMostLayers> weight{};
  std::array<const void*, kMlpMostLayers> bias{};  // [width[l + 1]], or null for 0

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(index);
    f(dx);
    for (const void*& p : weight) f(p);
    for (const void*& p : bias) f(p);
  }
};

// dtype f32, back ends reference and cuda. Units: rows.
extern const Family<MlpGradientArgs> mlp_gradient;

}  // namespace ingrad::kernels
