// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/sign_bits.h"

namespace ingrad::kernels::cpu {

void sign_bits_f32(const SignBitsArgs& a, Range r);
void sign_bits_f64(const SignBitsArgs& a, Range r);

}  // namespace ingrad::kernels::cpu
