// SPDX-License-Identifier: Apache-2.0
#include "tools/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/io/csv.h"
#include "engine/suggest.h"

namespace ingrad::tools {
namespace {

struct Unit {
  std::string_view name;
  double bytes;
};
constexpr Unit kUnits[] = {
    {"", 1},     {"B", 1},      {"kB", 1e3},      {"KB", 1e3},      {"MB", 1e6},
    {"GB", 1e9}, {"TB", 1e12},  {"k", 1e3},       {"K", 1e3},       {"M", 1e6},
    {"G", 1e9},  {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1024.0 * (1 << 30)}};
constexpr double kMostBytes = 9e18;

}  // namespace

Check one_of(std::vector<std::string> names) {
  return [names = std::move(names)](const std::string& value) -> std::string {
    if (std::find(names.begin(), names.end(), value) != names.end()) return {};
    const std::string hint = did_you_mean(value, names);
    return fmt::format("'{}' is unknown{}", value,
                       hint.empty() ? fmt::format(", expected {}", listed(names)) : hint);
  };
}

Check integer_in(std::int64_t low, std::int64_t high) {
  return [=](const std::string& value) -> std::string {
    std::int64_t v = 0;
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, v);
    if (error == std::errc{} && stop == end && v >= low && v <= high) return {};
    if (high == INT64_MAX) return fmt::format("'{}' is not an integer of at least {}", value, low);
    return fmt::format("'{}' is not an integer from {} to {}", value, low, high);
  };
}

Check number_in(double low, double high) {
  return [=](const std::string& value) -> std::string {
    const auto v = parse_number(value);
    if (v && *v >= low && *v <= high) return {};
    if (std::isinf(high)) return fmt::format("'{}' is not a number of at least {}", value, low);
    return fmt::format("'{}' is not a number from {} to {}", value, low, high);
  };
}

std::string listed(std::span<const std::string> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

std::vector<std::string> parse_list(std::string_view text, std::string_view what) {
  std::vector<std::string> entries;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t stop = std::min(text.find(',', at), text.size());
    entries.emplace_back(text.substr(at, stop - at));
    if (entries.back().empty()) {
      throw Error(
          fmt::format("{}: '{}' has an empty entry; expected names with commas", what, text));
    }
    at = stop + 1;
  }
  return entries;
}

std::int64_t parse_bytes(std::string_view text, std::string_view what) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = parse_number(text.substr(0, digits));
  const std::string_view rest = text.substr(digits);
  const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                  [&](const Unit& u) { return u.name == rest; });
  if (!number || unit == std::end(kUnits) || *number * unit->bytes > kMostBytes) {
    throw Error(fmt::format("{}: '{}' is not a number of bytes such as 500MB or 2GiB", what, text));
  }
  return static_cast<std::int64_t>(*number * unit->bytes);
}

std::string format_bytes(std::int64_t bytes) {
  constexpr std::string_view kNames[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kNames)) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 || value >= 99.5 ? 0 : 1, kNames[unit]);
}

}  // namespace ingrad::tools
