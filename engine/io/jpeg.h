// SPDX-License-Identifier: Apache-2.0
// JPEG through libjpeg, with its accurate integer transform and smooth chroma upsampling.
#pragma once

#include "engine/io/image.h"

namespace ingrad {

// u8 [height, width, 1 (grey) or 3 (RGB)]; CMYK and YCCK pictures are converted to RGB. Error:
// damaged or truncated files, sizes beyond the limits of image.h, more than 200 scans.
Tensor read_jpeg(const std::string& path, Location where = Location::current());
Tensor parse_jpeg(std::span<const std::byte> bytes, std::string_view what = "JPEG data",
                  Location where = Location::current());

}  // namespace ingrad
