// SPDX-License-Identifier: Apache-2.0
// Weights by formula, for models too large to store: the same bits as families/formula.py.
//
// Element i of the tensor called `name` is float((offset + n) * scale), n = (z >> 40) - 2^23, where
// z is the i-th output of SplitMix64 (Steele, Lea, Flood 2014) started from the 64-bit FNV-1a hash
// of the name; offset and scale follow from name and shape (the table stands in formula.py).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ingrad::golden {

inline std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  }
  return value;
}

// The elements of the tensor, row-major.
inline std::vector<float> formula(std::string_view name, std::span<const std::int64_t> shape) {
  std::int64_t size = 1;
  std::int64_t fan_in = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    size *= shape[axis];
    if (axis > 0) fan_in *= shape[axis];
  }
  const bool weight = name.ends_with("weight");
  std::int64_t offset = 0;
  double scale = 0x1p-23;
  if (name.ends_with("running_var") || (weight && shape.size() == 1)) {
    offset = std::int64_t{1} << 24;
    scale = 0x1p-24;
  } else if (name.ends_with("running_mean") || name.ends_with("bias")) {
    scale = 0x1p-26;
  } else if (weight) {
    scale = std::sqrt(6.0 / static_cast<double>(fan_in)) * 0x1p-23;
  }
  std::vector<float> values(static_cast<std::size_t>(size));
  std::uint64_t state = fnv1a(name);
  for (float& value : values) {
    state += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    const std::int64_t n = static_cast<std::int64_t>(z >> 40) - (std::int64_t{1} << 23);
    value = static_cast<float>(static_cast<double>(offset + n) * scale);
  }
  return values;
}

}  // namespace ingrad::golden
