// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/winograd.h"

namespace ingrad::kernels::cpu {

void winograd_f32(const WinogradArgs& a, Range r);
void winograd_weights_f32(const WinogradWeightsArgs& a, Range r);

}  // namespace ingrad::kernels::cpu
