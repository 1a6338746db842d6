// SPDX-License-Identifier: Apache-2.0
// From decoded pictures, u8 [height, width, channels], to samples [channels, height, width].
#pragma once

#include <span>
#include <string_view>

#include "engine/tensor.h"

namespace ingrad {

// u8 [N, C, H, W]. Error, naming `what` and the first picture that differs, unless all have one
// size.
Tensor stack_pictures(std::span<const Tensor> pictures, std::string_view what,
                      Location where = Location::current());
// Alpha is dropped; grey becomes RGB by repetition and RGB grey by luminance (ITU-R BT.601), as
// `channels` (1 or 3) asks.
Tensor with_channels(const Tensor& picture, std::int64_t channels);
// Area average: each new pixel is the mean of the part of the old picture that it covers.
Tensor resized(const Tensor& picture, std::int64_t height, std::int64_t width);

}  // namespace ingrad
