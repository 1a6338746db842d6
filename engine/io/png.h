// SPDX-License-Identifier: Apache-2.0
// PNG through libpng.
#pragma once

#include "engine/io/image.h"

namespace ingrad {

// u8 [height, width, channels]. Palettes become RGB (RGBA where entries are transparent), depths
// below 8 bits are scaled up, 16 bits are rounded to 8; gamma is left alone. Error: damaged or
// truncated files, wrong checksums of pixel data, sizes beyond the limits of image.h or more pixels
// than the file's bytes can hold.
Tensor read_png(const std::string& path, Location where = Location::current());
Tensor parse_png(std::span<const std::byte> bytes, std::string_view what = "PNG data",
                 Location where = Location::current());

// `image`: u8 [height, width] or [height, width, 1 to 4], may be strided; Error otherwise and for
// what the system refuses.
void write_png(const std::string& path, const Tensor& image, Location where = Location::current());
std::vector<std::byte> format_png(const Tensor& image, Location where = Location::current());

}  // namespace ingrad
