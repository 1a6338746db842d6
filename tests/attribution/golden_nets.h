// SPDX-License-Identifier: Apache-2.0
// The nets and samples on which other libraries' explainers were run (tests/golden/explainers/).
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "attribution/attribution.h"
#include "engine/differentiate.h"
#include "engine/io/safetensors.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/pool.h"
#include "engine/ops/shape.h"

namespace ingrad {

inline Safetensors golden_explainers(const std::string& family) {
  return read_safetensors(std::string(INGRAD_GOLDEN_DIR) + "/explainers/" + family +
                          ".safetensors");
}

// explainers/nets.py in ingrad. Taps: fc1, fc2; conv1, conv2 (before ReLU), pool, relu2.
struct GoldenNets {
  Safetensors file = golden_explainers("nets");
  Tensor rows = file.at("rows"), pictures = file.at("pictures");
  Target row_classes = Target::per_sample(file.at("row_classes").to_vector<std::int64_t>());
  Target picture_classes = Target::per_sample(file.at("picture_classes").to_vector<std::int64_t>());

  ModelFn mlp() const {
    return [f = file](const Tensor& x) {
      const auto fc = [&](const Tensor& h, const std::string& name) {
        return tap(linear(h, f.at("mlp." + name + ".weight"), f.at("mlp." + name + ".bias")), name);
      };
      return fc(relu(fc(relu(fc(x, "fc1")), "fc2")), "fc3");
    };
  }
  ModelFn cnn() const {
    return [f = file](const Tensor& x) {
      const auto conv = [&](const Tensor& h, const std::string& name) {
        return tap(conv2d(h, f.at("cnn." + name + ".weight"), f.at("cnn." + name + ".bias"),
                          {.padding = {1, 1}}),
                   name);
      };
      const Tensor h = tap(max_pool2d(relu(conv(x, "conv1")), {2, 2}), "pool");
      const Tensor top = tap(relu(conv(h, "conv2")), "relu2");
      return linear(flatten(top, 1), f.at("cnn.fc.weight"), f.at("cnn.fc.bias"));
    };
  }
};

// Largest difference relative to the largest expected value.
inline void expect_golden(const Tensor& got, const Tensor& expected, double tolerance,
                          const std::string& what) {
  const auto g = got.to_vector<double>(), e = expected.to_vector<double>();
  ASSERT_EQ(g.size(), e.size()) << what << ": " << got.shape().str() << " beside "
                                << expected.shape().str();
  double scale = 0, worst = 0;
  for (std::size_t i = 0; i < g.size(); ++i) {
    scale = std::max(scale, std::abs(e[i]));
    worst = std::max(worst, std::abs(g[i] - e[i]));
  }
  EXPECT_LE(worst, tolerance * scale) << what;
  EXPECT_GT(scale, 0) << what;
}

}  // namespace ingrad
