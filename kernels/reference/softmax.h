// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/softmax.h"

namespace ingrad::kernels::reference {

void softmax_f32(const SoftmaxArgs& a, Range r);
void softmax_f64(const SoftmaxArgs& a, Range r);
void softmax_grad_f32(const SoftmaxGradArgs& a, Range r);
void softmax_grad_f64(const SoftmaxGradArgs& a, Range r);

}  // namespace ingrad::kernels::reference
