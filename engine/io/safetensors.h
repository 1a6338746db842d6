// SPDX-License-Identifier: Apache-2.0
// The safetensors format (github.com/huggingface/safetensors): named tensors and a map of strings.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "engine/named_tensor.h"

namespace ingrad {

struct Safetensors {
  NamedTensors tensors;  // in the order of their data
  std::map<std::string, std::string> metadata;

  // Error lists the nearest names when there is none.
  const Tensor& at(std::string_view name, Location where = Location::current()) const;
};

// F64, F32, F16, BF16, I64, I32, U8, BOOL. Error, naming file and entry, on anything that the
// format forbids: a header beyond the end or over 100 MB, no JSON, an entry given twice, offsets
// that overlap, leave holes or do not fit shape and dtype, bytes left over; and on other dtypes and
// more than 8 axes.
Safetensors read_safetensors(const std::string& path, Location where = Location::current());
// The same, without a copy: tensors are views of the mapped file, except those whose data are not
// aligned to their element size. They keep the mapping alive; see map_file.
Safetensors map_safetensors(const std::string& path, Location where = Location::current());
// The same from memory; `what` stands for the file's name in errors.
Safetensors parse_safetensors(std::span<const std::byte> bytes,
                              std::string_view what = "safetensors",
                              Location where = Location::current());

// Replaces the file atomically. Tensors may be strided. Error: a name given twice or
// "__metadata__", a tensor without data, dtype mask, and whatever the system refuses.
void write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {},
                       Location where = Location::current());

}  // namespace ingrad
