// SPDX-License-Identifier: Apache-2.0
// What a library's convolution leaves to do around it.
#pragma once

#include "kernels/conv.h"
#include "kernels/cuda/launch.h"

namespace ingrad::kernels::INGRAD_DEVICE {

// Gathers the weights of f32: packed is [groups * out_channels][in_channels][taps], tap t of it with
// offset tap_weight[t] in w; tap_weight is a table on the device.
void pack_taps(const ConvArgs& c, const std::int64_t* tap_weight, float* packed);

// out = activation(out + bias + residual), gated, of f32.
void finish_conv(const ConvArgs& c);

}  // namespace ingrad::kernels::INGRAD_DEVICE
