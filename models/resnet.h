// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "models/layers/sequential.h"

namespace ingrad {

enum class ResNetStem : std::uint8_t {
  imagenet,  // 7x7 convolution of stride 2, 3x3 max-pooling of stride 2
  cifar,     // 3x3 convolution of stride 1
};

struct ResNetOptions {
  ResNetStem stem = ResNetStem::imagenet;
  std::int64_t width = 64;          // channels of layer1, before a bottleneck's expansion by 4
  bool zero_init_residual = false;  // the last batch norm of every block starts at weight 0
  DType dtype = DType::f32;
};

// He et al. 2016: residual networks of 18, 34, 50, 101 or 152 layers (from 50 on with bottleneck
// blocks, whose stride is in the 3x3 convolution). Parameter names and initial values are
// torchvision's: conv1, bn1, layer1.0.conv1 ... layer4.1.bn2, layer2.0.downsample.0, fc. `input` is
// [C, H, W]; other heights and widths may be given when it runs. Error for other depths.
class ResNet : public Sequential {
 public:
  ResNet(int depth, const Shape& input, std::int64_t outputs, const ResNetOptions& options = {},
         Location where = Location::current());
  std::string describe() const override { return description_; }

 private:
  std::string description_;
};

}  // namespace ingrad
