// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/attention.h"

namespace ingrad::kernels::reference {

void attention_f32(const AttentionArgs& a, Range r);
void attention_f64(const AttentionArgs& a, Range r);
void attention_grad_f32(const AttentionGradArgs& a, Range r);
void attention_grad_f64(const AttentionGradArgs& a, Range r);

}  // namespace ingrad::kernels::reference
