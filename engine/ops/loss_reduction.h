// SPDX-License-Identifier: Apache-2.0
// What the losses share: the last step, and checks of their operands.
#pragma once

#include <string_view>

#include "engine/ops/losses.h"

namespace ingrad {

// Losses per element as the reduction asks. Error for batch_mean.
Tensor reduce_loss(std::string_view op, const Tensor& losses, LossReduction reduction,
                   Location where);
// Error unless both have one shape and one floating dtype.
void require_pair(std::string_view op, const Tensor& a, const Tensor& b, Location where);
// The signs in the dtype of x. Error unless they have its shape.
Tensor signs_like(std::string_view op, const Tensor& signs, const Tensor& x, Location where);

}  // namespace ingrad
