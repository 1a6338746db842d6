// SPDX-License-Identifier: Apache-2.0
// Small convolutional networks for pictures of any size.
#pragma once

#include "models/layers/sequential.h"

namespace ingrad {

struct CnnOptions {
  std::int64_t width = 32;  // channels of the first convolution; the second has twice as many
  std::int64_t hidden = 128;
  bool batch_norm = false;  // after the convolutions
  double dropout = 0;       // before the last layer
  DType dtype = DType::f32;
};

// Two blocks of a 3x3 convolution (padding 1), ReLU and 2x2 max-pooling, then a hidden and an
// output layer: conv1, conv2, fc1, fc2. `input` is [C, H, W], at least 4 x 4.
class Cnn : public Sequential {
 public:
  Cnn(const Shape& input, std::int64_t outputs, const CnnOptions& options = {},
      Location where = Location::current());
  std::string describe() const override { return description_; }

 private:
  std::string description_;
};

struct Cnn3Options {
  std::int64_t width = 32;  // channels of the first convolution, doubled by each further one
  DType dtype = DType::f32;
};

// Three blocks of a 3x3 convolution (padding 1, no bias), batch norm, ReLU and 2x2 max-pooling, the
// mean over all points, and an output layer: conv1, bn1, ... conv3, bn3, fc. `input` is [C, H, W],
// at least 8 x 8; other sizes may be given when it runs.
class Cnn3 : public Sequential {
 public:
  Cnn3(const Shape& input, std::int64_t outputs, const Cnn3Options& options = {},
       Location where = Location::current());
  std::string describe() const override { return description_; }

 private:
  std::string description_;
};

}  // namespace ingrad
