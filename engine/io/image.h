// SPDX-License-Identifier: Apache-2.0
// Pictures as tensors: u8 [height, width, channels], rows from the top, channels 1 (grey), 2 (grey,
// alpha), 3 (RGB) or 4 (RGBA).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

// Larger pictures are refused before their memory is allocated.
inline constexpr std::int64_t kMaxImageExtent = 32768;
inline constexpr std::int64_t kMaxImageBytes = std::int64_t{1} << 28;

// PNG or JPEG, told apart by the first bytes. Error: neither, and as parse_png and parse_jpeg.
Tensor read_image(const std::string& path, Location where = Location::current());
Tensor parse_image(std::span<const std::byte> bytes, std::string_view what = "image data",
                   Location where = Location::current());
bool is_png(std::span<const std::byte> bytes);
bool is_jpeg(std::span<const std::byte> bytes);

// Error "WHAT: ..." unless the extents are positive and within the limits above. For decoders.
void check_image_size(std::int64_t height, std::int64_t width, std::int64_t channels,
                      std::string_view what, Location where);

}  // namespace ingrad
