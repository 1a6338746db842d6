// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/mlp_gradient.h"

namespace ingrad::kernels::reference {

void mlp_gradient_f32(const MlpGradientArgs& a, Range range);

}  // namespace ingrad::kernels::reference
