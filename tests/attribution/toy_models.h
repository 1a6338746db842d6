// SPDX-License-Identifier: Apache-2.0
// Small nets with fixed weights, for the tests of explainers.
#pragma once

#include <cstdint>

#include "attribution/model.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/pool.h"
#include "engine/ops/shape.h"
#include "engine/random.h"

namespace ingrad {

inline Tensor noise(std::uint64_t seed, const Shape& shape, double scale = 1) {
  return random_normal(shape, {seed, 99}, 0, scale);
}

// Two hidden layers; smooth if `tanh_units`, else ReLU.
inline ModelFn mlp(std::int64_t inputs, std::int64_t outputs, bool tanh_units) {
  const Tensor w1 = noise(1, Shape{16, inputs}, 0.5), b1 = noise(2, Shape{16}, 0.3);
  const Tensor w2 = noise(3, Shape{12, 16}, 0.4), b2 = noise(4, Shape{12}, 0.3);
  const Tensor w3 = noise(5, Shape{outputs, 12}, 0.4), b3 = noise(6, Shape{outputs}, 0.3);
  return [=](const Tensor& x) {
    const auto unit = [&](const Tensor& z) { return tanh_units ? tanh(z) : relu(z); };
    return linear(unit(linear(unit(linear(x, w1, b1)), w2, b2)), w3, b3);
  };
}

// Images [N, 2, 8, 8] to three outputs: two convolutions, max-pooling, a linear layer.
inline ModelFn conv_net() {
  const Tensor k1 = noise(21, Shape{5, 2, 3, 3}, 0.4), c1 = noise(22, Shape{5}, 0.2);
  const Tensor k2 = noise(23, Shape{6, 5, 3, 3}, 0.3), c2 = noise(24, Shape{6}, 0.2);
  const Tensor w = noise(25, Shape{3, 96}, 0.2), b = noise(26, Shape{3}, 0.2);
  return [=](const Tensor& x) {
    const Tensor h = max_pool2d(relu(conv2d(x, k1, c1, {.padding = {1, 1}})), {2, 2});
    return linear(flatten(relu(conv2d(h, k2, c2, {.padding = {1, 1}})), 1), w, b);
  };
}

inline ModelFn affine(const Tensor& w, const Tensor& b) {
  return [=](const Tensor& x) { return linear(x, w, b); };
}

}  // namespace ingrad
