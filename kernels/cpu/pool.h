// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/pool.h"

namespace ingrad::kernels::cpu {

void max_pool_f32(const MaxPoolArgs& a, Range range);
void max_pool_f64(const MaxPoolArgs& a, Range range);

}  // namespace ingrad::kernels::cpu
