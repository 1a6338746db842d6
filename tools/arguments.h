// SPDX-License-Identifier: Apache-2.0
// Values of options: checks for CLI11's `check`, and small notations.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ingrad::tools {

// What is wrong with a value; empty if nothing is.
using Check = std::function<std::string(const std::string&)>;
// One of these names; suggests the nearest.
Check one_of(std::vector<std::string> names);
// Integers and numbers in [low, high].
Check integer_in(std::int64_t low, std::int64_t high);
Check number_in(double low, double high);

// "a, b or c"
std::string listed(std::span<const std::string> names);
// "a,b,c" without blanks; Error naming `what` on empty entries.
std::vector<std::string> parse_list(std::string_view text, std::string_view what);
// "500MB", "2GiB", "1000": bytes, with decimal (kB, MB, GB) or binary (KiB, MiB, GiB) units; Error
// naming `what` otherwise.
std::int64_t parse_bytes(std::string_view text, std::string_view what);
// "512 B", "1.5 MB"
std::string format_bytes(std::int64_t bytes);

}  // namespace ingrad::tools
