// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/loss.h"

namespace ingrad::kernels::reference {

void cross_entropy_f32(const CrossEntropyArgs& a, Range r);
void cross_entropy_f64(const CrossEntropyArgs& a, Range r);
void cross_entropy_grad_f32(const CrossEntropyGradArgs& a, Range r);
void cross_entropy_grad_f64(const CrossEntropyGradArgs& a, Range r);

}  // namespace ingrad::kernels::reference
