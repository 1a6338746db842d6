// SPDX-License-Identifier: Apache-2.0
#include "engine/error.h"

#include <fmt/format.h>

#include <string_view>

namespace ingrad {
namespace {

std::string_view base_name(std::string_view path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

Error::Error(const std::string& message, Location where)
    : std::runtime_error(
          fmt::format("{} [{}:{}]", message, base_name(where.file_name()), where.line())),
      message_(message),
      where_(where) {}

}  // namespace ingrad
