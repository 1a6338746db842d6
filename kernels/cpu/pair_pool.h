// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/pair_pool.h"

namespace ingrad::kernels::cpu {

void pair_pool_f32(const PairPoolArgs& a, Range r);
void pair_pool_grad_f32(const PairPoolGradArgs& a, Range r);

}  // namespace ingrad::kernels::cpu
