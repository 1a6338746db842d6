// SPDX-License-Identifier: Apache-2.0
// Convolution to few channels: above all the data gradient of a first layer, whose outputs are the
// channels of an image, far fewer than a tile of a matrix product has rows.
#pragma once

#include "kernels/conv.h"
#include "kernels/cuda/launch.h"

namespace ingrad::kernels::INGRAD_DEVICE {

bool has_few_outputs(const ConvArgs& c);
// With tables on the device. Instantiated for f32 and f64.
template <class T>
void conv_few(const ConvArgs& c);

}  // namespace ingrad::kernels::INGRAD_DEVICE
