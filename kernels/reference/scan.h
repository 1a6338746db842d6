// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/scan.h"

namespace ingrad::kernels::reference {

void cumsum_f32(const CumsumArgs& a, Range r);
void cumsum_f64(const CumsumArgs& a, Range r);
void cumsum_i64(const CumsumArgs& a, Range r);

}  // namespace ingrad::kernels::reference
