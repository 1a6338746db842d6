// SPDX-License-Identifier: Apache-2.0
// How layers write their settings.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "engine/spec.h"

namespace ingrad {

// "3" when all entries are 3, else "3x5".
inline std::string extents_text(std::span<const std::int64_t> values) {
  const bool same = !values.empty() && std::all_of(values.begin(), values.end(),
                                                   [&](auto v) { return v == values[0]; });
  return same ? std::to_string(values[0]) : fmt::format("{}", fmt::join(values, "x"));
}

// ", name=values" unless there are none or all are `usual`.
inline std::string extents_option(std::string_view name, std::span<const std::int64_t> values,
                                  std::int64_t usual) {
  if (std::all_of(values.begin(), values.end(), [&](auto v) { return v == usual; })) return {};
  return fmt::format(", {}={}", name, extents_text(values));
}

template <class T>
std::string option_text(std::string_view name, const T& value, const T& usual) {
  return value == usual ? std::string() : fmt::format(", {}={}", name, value);
}

inline std::string dtype_option(DType dtype) {
  return dtype == DType::f32 ? std::string() : fmt::format(", dtype={}", name_of(dtype));
}

}  // namespace ingrad
