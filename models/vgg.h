// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/layers/sequential.h"

namespace ingrad {

struct VggOptions {
  bool batch_norm = false;  // after every convolution
  double dropout = 0.5;     // after the two hidden layers
  std::int64_t hidden = 4096;
  DType dtype = DType::f32;
};

// Simonyan and Zisserman 2015, configurations A, B, D and E: 11, 13, 16 or 19 layers. Parameter
// names and initial values are torchvision's: features.0.weight ..., classifier.0.weight ...
// `input` is [C, H, W], at least 32 x 32; other such sizes may be given when it runs. Error for
// other depths.
class Vgg : public Sequential {
 public:
  Vgg(int depth, const Shape& input, std::int64_t outputs, const VggOptions& options = {},
      Location where = Location::current());
  std::string describe() const override { return description_; }

 private:
  std::string description_;
};

}  // namespace ingrad
