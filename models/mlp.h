// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/layers/sequential.h"

namespace ingrad {

struct MlpOptions {
  std::string activation = "relu";  // see Activation
  double dropout = 0;               // after every hidden layer
  bool batch_norm = false;          // before the activations
  std::string layer = "fc";         // what the linear layers are called: fc1, fc2, ...
  DType dtype = DType::f32;
};

// A multilayer perceptron: x [N, ...] with widths[0] elements a row to [N, widths.back()], linear
// layers with (batch norm bn1, ...,) activations and dropout between them. Error for fewer than two
// widths or one below 1.
class Mlp : public Sequential {
 public:
  explicit Mlp(std::vector<std::int64_t> widths, const MlpOptions& options = {},
               Location where = Location::current());
  std::string describe() const override;

 private:
  std::vector<std::int64_t> widths_;
  MlpOptions options_;
};

}  // namespace ingrad
