// SPDX-License-Identifier: Apache-2.0
// Normalisation over the trailing axes of each row: LayerNorm and RmsNorm.
#pragma once

#include <optional>

#include "engine/int_list.h"
#include "models/module.h"

namespace ingrad {

struct LayerNormOptions {
  double epsilon = 1e-5;
  bool affine = true;  // has weight, initially 1
  bool bias = true;    // and bias, initially 0 (only with affine)
  DType dtype = DType::f32;
};

// See layer_norm. Parameters: weight and bias of shape `normalized_shape`.
class LayerNorm : public Module {
 public:
  explicit LayerNorm(IntList normalized_shape, const LayerNormOptions& options = {},
                     Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  Shape shape_;
  LayerNormOptions options_;
  Tensor weight_, bias_;
};

struct RmsNormOptions {
  std::optional<double> epsilon = {};  // default: the spacing of numbers at 1
  bool affine = true;                  // has weight, initially 1
  DType dtype = DType::f32;
};

// See rms_norm. Parameter: weight of shape `normalized_shape`.
class RmsNorm : public Module {
 public:
  explicit RmsNorm(IntList normalized_shape, const RmsNormOptions& options = {},
                   Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  Shape shape_;
  RmsNormOptions options_;
  Tensor weight_;
};

}  // namespace ingrad
