// SPDX-License-Identifier: Apache-2.0
// CIFAR-10 and CIFAR-100 in the official binary layout (www.cs.toronto.edu/~kriz/cifar.html), and
// records of JPEG files.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

struct CifarRecords {
  Tensor images;  // u8 [N, 3, 32, 32]
  Tensor labels;  // i64 [N]: the class; of CIFAR-100 the fine class
};

// One label byte (CIFAR-10) or a coarse and a fine one (CIFAR-100) and 3,072 pixels a record.
// Error: no whole number of records, labels from `classes` upwards.
CifarRecords parse_cifar(std::span<const std::byte> bytes, int label_bytes, int classes,
                         std::string_view what = "CIFAR data",
                         Location where = Location::current());
// Several files one after another; each may be compressed with gzip.
CifarRecords read_cifar(std::span<const std::string> paths, int label_bytes, int classes,
                        Location where = Location::current());

// Records of a 4-byte big-endian length and a JPEG file, all pictures of one size: u8 [N, C, H, W].
Tensor parse_jpeg_records(std::span<const std::byte> bytes, std::string_view what = "JPEG records",
                          Location where = Location::current());
Tensor read_jpeg_records(const std::string& path, Location where = Location::current());

}  // namespace ingrad
