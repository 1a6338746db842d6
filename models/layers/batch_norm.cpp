// SPDX-License-Identifier: Apache-2.0
#include "models/layers/batch_norm.h"

#include "engine/ops/norm.h"
#include "models/layers/text.h"

namespace ingrad {

BatchNorm::BatchNorm(std::int64_t channels, const BatchNormOptions& options, Location where)
    : options_(options), channels_(channels) {
  if (channels < 1) {
    throw Error(fmt::format("BatchNorm: {} channels; expected at least one", channels), where);
  }
  const Shape shape{channels};
  if (options.affine) {
    weight_ = add_parameter("weight", shape, options.dtype, init::constant(options.initial_weight),
                            where);
    bias_ = add_parameter("bias", shape, options.dtype, init::constant(0), where);
  }
  if (options.track_running_statistics) {
    mean_ = add_buffer("running_mean", shape, 0, options.dtype);
    variance_ = add_buffer("running_var", shape, 1, options.dtype);
  }
}

std::string BatchNorm::describe() const {
  return fmt::format(
      "BatchNorm({}{}{}{}{}{})", channels_, option_text("epsilon", options_.epsilon, 1e-5),
      option_text("momentum", options_.momentum, 0.1), option_text("affine", options_.affine, true),
      option_text("track_running_statistics", options_.track_running_statistics, true),
      dtype_option(options_.dtype));
}

Tensor BatchNorm::forward(const Tensor& x, Pass& pass) const {
  if (!pass.training() && mean_.defined()) {
    return batch_norm_eval(x, pass(mean_), pass(variance_), pass(weight_), pass(bias_),
                           options_.epsilon);
  }
  const BatchNormResult r = batch_norm_train(x, pass(mean_), pass(variance_), pass(weight_),
                                             pass(bias_), options_.momentum, options_.epsilon);
  if (mean_.defined()) {
    pass.update(mean_, r.running_mean);
    pass.update(variance_, r.running_variance);
  }
  return r.y;
}

}  // namespace ingrad
