// SPDX-License-Identifier: Apache-2.0
#include "models/layers/layer_norm.h"

#include "engine/ops/norm.h"
#include "models/layers/text.h"

namespace ingrad {

LayerNorm::LayerNorm(IntList normalized_shape, const LayerNormOptions& options, Location where)
    : shape_(normalized_shape.values(), where), options_(options) {
  if (!options.affine) return;
  weight_ = add_parameter("weight", shape_, options.dtype, init::constant(1), where);
  if (options.bias) bias_ = add_parameter("bias", shape_, options.dtype, init::constant(0), where);
}

std::string LayerNorm::describe() const {
  return fmt::format("LayerNorm({}{}{}{}{})", shape_.str(),
                     option_text("epsilon", options_.epsilon, 1e-5),
                     option_text("affine", options_.affine, true),
                     option_text("bias", options_.bias, true), dtype_option(options_.dtype));
}

Tensor LayerNorm::forward(const Tensor& x, Pass& pass) const {
  return layer_norm(x, shape_, pass(weight_), pass(bias_), options_.epsilon);
}

RmsNorm::RmsNorm(IntList normalized_shape, const RmsNormOptions& options, Location where)
    : shape_(normalized_shape.values(), where), options_(options) {
  if (options.affine) {
    weight_ = add_parameter("weight", shape_, options.dtype, init::constant(1), where);
  }
}

std::string RmsNorm::describe() const {
  const auto& epsilon = options_.epsilon;
  return fmt::format("RmsNorm({}{}{}{})", shape_.str(),
                     epsilon ? fmt::format(", epsilon={}", *epsilon) : "",
                     option_text("affine", options_.affine, true), dtype_option(options_.dtype));
}

Tensor RmsNorm::forward(const Tensor& x, Pass& pass) const {
  return rms_norm(x, shape_, pass(weight_), options_.epsilon);
}

}  // namespace ingrad
