// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, with padding), for files inside of HTML.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ingrad::tools {

std::string base64(std::span<const std::byte> bytes);

}  // namespace ingrad::tools
