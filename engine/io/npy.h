// SPDX-License-Identifier: Apache-2.0
// NumPy's array files: NPY (one array; versions 1, 2 and 3) and NPZ (a zip archive of them).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/named_tensor.h"

namespace ingrad {

// Either byte order, C or Fortran order. Element types: f2 f4 f8, i4 i8, u1, b1 as they are; i1, i2
// and u2 become i32; u4 and u8 become i64. Error: other types (complex, text, objects, records),
// more than 8 axes, u8 values above the range of i64, b1 bytes other than 0 and 1, a damaged
// header, data that are shorter or longer than the header says.
Tensor read_npy(const std::string& path, Location where = Location::current());
Tensor parse_npy(std::span<const std::byte> bytes, std::string_view what = "NPY data",
                 Location where = Location::current());

// Version 1, C order, little-endian. Tensors may be strided. NumPy has no bfloat16: bf16 is written
// as f4, which holds it exactly; mask as b1. Error: a tensor without data, what the system refuses.
void write_npy(const std::string& path, const Tensor& tensor, Location where = Location::current());
std::vector<std::byte> format_npy(const Tensor& tensor, Location where = Location::current());

// The arrays of an NPZ file by name (without ".npy"), in the order of the file.
NamedTensors read_npz(const std::string& path, Location where = Location::current());
NamedTensors parse_npz(std::span<const std::byte> bytes, std::string_view what = "NPZ data",
                       Location where = Location::current());
// Error: a name given twice, 4 GiB in all, and as write_npy.
void write_npz(const std::string& path, std::span<const NamedTensor> tensors, bool compress = false,
               Location where = Location::current());

}  // namespace ingrad
