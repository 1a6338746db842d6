// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/conv.h"

namespace ingrad::kernels::reference {

void conv_f32(const ConvArgs& a, Range r);
void conv_f64(const ConvArgs& a, Range r);
void conv_weight_grad_f32(const ConvWeightGradArgs& a, Range r);
void conv_weight_grad_f64(const ConvWeightGradArgs& a, Range r);

}  // namespace ingrad::kernels::reference
