// SPDX-License-Identifier: Apache-2.0
// IDX files (yann.lecun.com/exdb/mnist): two zero bytes, a type, the number of axes, each extent as
// a big-endian 32-bit number, the elements in C order, big-endian.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "engine/tensor.h"

namespace ingrad {

// Type 8 gives u8; 9 (signed byte) and 11 (16 bits) i32; 12 i32; 13 f32; 14 f64. Error: a damaged
// header, more than 8 axes, data shorter or longer than the header says.
Tensor parse_idx(std::span<const std::byte> bytes, std::string_view what = "IDX data",
                 Location where = Location::current());
// The file may be compressed with gzip.
Tensor read_idx(const std::string& path, Location where = Location::current());

}  // namespace ingrad
