// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "models/layers/sequential.h"

namespace ingrad {

struct LeNet5Options {
  // Of the first convolution; default: 2 for pictures below 32 x 32, else 0, so that both MNIST
  // and CIFAR give the 400 features of the original.
  std::optional<std::int64_t> padding = {};
  DType dtype = DType::f32;
};

// LeCun et al. 1998 in today's form, with ReLU and max-pooling: conv1 (6 channels, 5x5), pool,
// conv2 (16, 5x5), pool, fc1 (120), fc2 (84), fc3. `input` is [C, H, W]; Error when a layer would
// have nothing to work on.
class LeNet5 : public Sequential {
 public:
  LeNet5(const Shape& input, std::int64_t outputs, const LeNet5Options& options = {},
         Location where = Location::current());
  std::string describe() const override { return description_; }

 private:
  std::string description_;
};

}  // namespace ingrad
