// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/image_lanes.h"

namespace ingrad::kernels::cpu {

void image_lanes_f32(const ImageLanesArgs& a, Range r);
void lanes_conv_f32(const ConvArgs& a, Range r);
std::int64_t lanes_conv_scratch_bytes(const ConvArgs& a);
void lanes_pair_pool_f32(const PairPoolArgs& a, Range r);
void lanes_pair_pool_grad_f32(const PairPoolGradArgs& a, Range r);

}  // namespace ingrad::kernels::cpu
