// SPDX-License-Identifier: Apache-2.0
#include "models/layers/group_norm.h"

#include "engine/ops/norm.h"
#include "models/layers/text.h"

namespace ingrad {

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& options,
                     Location where)
    : groups_(groups), channels_(channels), options_(options) {
  if (groups < 1 || channels < 1 || channels % groups != 0) {
    throw Error(fmt::format("GroupNorm: {} channels in {} groups; expected a positive multiple",
                            channels, groups),
                where);
  }
  if (!options.affine) return;
  weight_ = add_parameter("weight", {channels}, options.dtype, init::constant(1), where);
  bias_ = add_parameter("bias", {channels}, options.dtype, init::constant(0), where);
}

std::string GroupNorm::describe() const {
  return fmt::format("GroupNorm({}, {}{}{}{})", groups_, channels_,
                     option_text("epsilon", options_.epsilon, 1e-5),
                     option_text("affine", options_.affine, true), dtype_option(options_.dtype));
}

Tensor GroupNorm::forward(const Tensor& x, Pass& pass) const {
  return group_norm(x, groups_, pass(weight_), pass(bias_), options_.epsilon);
}

InstanceNorm::InstanceNorm(std::int64_t channels, const InstanceNormOptions& options,
                           Location where)
    : channels_(channels), options_(options) {
  if (channels < 1) {
    throw Error(fmt::format("InstanceNorm: {} channels; expected at least one", channels), where);
  }
  if (!options.affine) return;
  weight_ = add_parameter("weight", {channels}, options.dtype, init::constant(1), where);
  bias_ = add_parameter("bias", {channels}, options.dtype, init::constant(0), where);
}

std::string InstanceNorm::describe() const {
  return fmt::format("InstanceNorm({}{}{}{})", channels_,
                     option_text("epsilon", options_.epsilon, 1e-5),
                     option_text("affine", options_.affine, false), dtype_option(options_.dtype));
}

Tensor InstanceNorm::forward(const Tensor& x, Pass& pass) const {
  return instance_norm(x, pass(weight_), pass(bias_), options_.epsilon);
}

}  // namespace ingrad
