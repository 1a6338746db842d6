// SPDX-License-Identifier: Apache-2.0
// PyTorch's own files of weights: a state dict as torch.save writes it since version 1.6, a zip
// archive of one pickle and the data of each tensor.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "engine/named_tensor.h"

namespace ingrad {

// Tensors and parameters by name, in the order of the file; also those of a checkpoint whose entry
// "state_dict" holds them. f64, f32, f16, bf16, i64, i32, u8, bool; strided tensors become dense.
// No code of the file is run. Error: values that are not tensors, calls of anything but the
// functions that rebuild tensors, tensors beyond the end of their data, big-endian files, zip64
// archives (over 4 GiB), and as ZipReader and parse_pickle.
NamedTensors read_state_dict(const std::string& path, Location where = Location::current());
NamedTensors parse_state_dict(std::span<const std::byte> bytes,
                              std::string_view what = "PyTorch file",
                              Location where = Location::current());

}  // namespace ingrad
