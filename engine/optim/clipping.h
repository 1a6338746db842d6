// SPDX-License-Identifier: Apache-2.0
// Limits on gradients, as torch.nn.utils.clip_grad_norm_ and clip_grad_value_.
#pragma once

#include <span>

#include "engine/tensor.h"

namespace ingrad {

// The p-norm (p >= 1, or infinity) of all gradients as one vector; f32 or f64. Undefined gradients
// count as zero. The sum is in double along a fixed tree.
double gradient_norm(std::span<const Tensor> gradients, double p = 2,
                     Location where = Location::current());
// Scales all gradients by max_norm / (norm + 1e-6) if that is below 1; returns the norm before. A
// norm that is not finite is an Error with `error_if_nonfinite`.
double clip_gradient_norm(std::span<Tensor> gradients, double max_norm, double p = 2,
                          bool error_if_nonfinite = false, Location where = Location::current());
// Clamps every element to [-limit, limit].
void clip_gradient_value(std::span<Tensor> gradients, double limit,
                         Location where = Location::current());

}  // namespace ingrad
