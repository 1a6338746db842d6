// SPDX-License-Identifier: Apache-2.0
// Normalisation layers as functions. Floating dtypes; all operands of one call have the same one.
// Undefined weight means 1, undefined bias 0. Variances inside the root are those of the sample
// (divisor n), computed in two passes. Error on shapes that do not fit.
#pragma once

#include <optional>

#include "engine/int_list.h"
#include "engine/tensor.h"

namespace ingrad {

// (x - mean) / sqrt(var + epsilon) * weight + bias over the trailing axes, whose extents must be
// `normalized_shape`; weight and bias have that shape.
Tensor layer_norm(const Tensor& x, IntList normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double epsilon = 1e-5,
                  Location where = Location::current());
// x / sqrt(mean(x^2) + epsilon) * weight, likewise. Without an epsilon: the spacing of numbers at 1
// of the dtype, as in PyTorch.
Tensor rms_norm(const Tensor& x, IntList normalized_shape, const Tensor& weight = {},
                std::optional<double> epsilon = {}, Location where = Location::current());
// x [N, C, ...]: each sample's channels in `groups` equal groups, statistics per group over its
// channels and all further axes; weight and bias [C].
Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight = {},
                  const Tensor& bias = {}, double epsilon = 1e-5,
                  Location where = Location::current());
// x [N, C, ...] with at least one further axis, and more than one element on these: statistics per
// sample and channel; weight and bias [C].
Tensor instance_norm(const Tensor& x, const Tensor& weight = {}, const Tensor& bias = {},
                     double epsilon = 1e-5, Location where = Location::current());

// x [N, C, ...], all other operands [C]: with given statistics, an affine map per channel. Rows
// stay apart.
Tensor batch_norm_eval(const Tensor& x, const Tensor& mean, const Tensor& variance,
                       const Tensor& weight = {}, const Tensor& bias = {}, double epsilon = 1e-5,
                       Location where = Location::current());
struct BatchNormResult {
  Tensor y;
  // (1 - momentum) * running + momentum * (statistics of the batch; the variance unbiased, divisor
  // n - 1), not recorded. Undefined where no running statistics were given.
  Tensor running_mean;
  Tensor running_variance;
};
// With the statistics of the batch, over all axes but 1, through which gradients flow: samples mix.
// Error when there is only one value per channel.
BatchNormResult batch_norm_train(const Tensor& x, const Tensor& running_mean,
                                 const Tensor& running_variance, const Tensor& weight = {},
                                 const Tensor& bias = {}, double momentum = 0.1,
                                 double epsilon = 1e-5, Location where = Location::current());

}  // namespace ingrad
