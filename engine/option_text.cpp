// SPDX-License-Identifier: Apache-2.0
#include "engine/option_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ingrad {
namespace {

template <class T>
bool parse_whole(std::string_view text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end;
}

}  // namespace

OptionText::OptionText(std::string_view text, Location where) : where_(where) {
  const std::size_t colon = text.find(':');
  name_ = text.substr(0, colon);
  if (name_.empty()) throw Error(fmt::format("'{}': there is no name", text), where);
  if (colon == std::string_view::npos) return;
  std::string_view rest = text.substr(colon + 1);
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
    if (entry.empty()) throw Error(fmt::format("'{}': empty option", text), where);
    const std::size_t equals = entry.find('=');
    std::string key(entry.substr(0, equals));
    if (has(key)) throw Error(fmt::format("'{}': option {} given twice", text, key), where);
    options_.emplace_back(std::move(key), equals == std::string_view::npos
                                              ? std::string()
                                              : std::string(entry.substr(equals + 1)));
  }
}

bool OptionText::has(std::string_view key) const {
  return std::any_of(options_.begin(), options_.end(), [&](const auto& o) { return o.first == key; });
}

std::string OptionText::take(std::string_view key, bool& found) {
  const auto at =
      std::find_if(options_.begin(), options_.end(), [&](const auto& o) { return o.first == key; });
  found = at != options_.end();
  if (!found) return {};
  std::string value = std::move(at->second);
  options_.erase(at);
  return value;
}

void OptionText::refuse(std::string_view key, std::string_view value,
                        std::string_view expected) const {
  throw Error(fmt::format("{}: {} is '{}', expected {}", name_, key, value, expected), where_);
}

double OptionText::number(std::string_view key, double fallback) {
  bool found = false;
  const std::string value = take(key, found);
  if (!found) return fallback;
  double parsed = 0;
  if (!parse_whole(std::string_view(value), parsed)) refuse(key, value, "a number");
  return parsed;
}

std::int64_t OptionText::integer(std::string_view key, std::int64_t fallback) {
  bool found = false;
  const std::string value = take(key, found);
  if (!found) return fallback;
  std::int64_t parsed = 0;
  if (!parse_whole(std::string_view(value), parsed)) refuse(key, value, "an integer");
  return parsed;
}

bool OptionText::flag(std::string_view key, bool fallback) {
  bool found = false;
  const std::string value = take(key, found);
  if (!found) return fallback;
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  refuse(key, value, "true or false");
}

std::string OptionText::text(std::string_view key, std::string_view fallback) {
  bool found = false;
  std::string value = take(key, found);
  return found ? value : std::string(fallback);
}

std::vector<std::int64_t> OptionText::integers(std::string_view key) {
  bool found = false;
  const std::string value = take(key, found);
  if (!found) return {};
  return parse_integers(value, fmt::format("{}: {}", name_, key), where_);
}

std::string OptionText::positional() {
  for (auto at = options_.begin(); at != options_.end(); ++at) {
    if (at->second.empty()) {
      std::string value = std::move(at->first);
      options_.erase(at);
      return value;
    }
  }
  return {};
}

void OptionText::finish() const {
  if (options_.empty()) return;
  std::string left;
  for (const auto& [key, value] : options_) left += (left.empty() ? "" : ", ") + key;
  throw Error(fmt::format("{}: unknown option {}", name_, left), where_);
}

std::vector<std::int64_t> parse_integers(std::string_view text, std::string_view what,
                                         Location where) {
  std::vector<std::int64_t> values;
  std::string_view rest = text;
  while (true) {
    const std::size_t stop = rest.find_first_of("-x/");
    std::int64_t value = 0;
    if (!parse_whole(rest.substr(0, stop), value)) {
      throw Error(fmt::format("{}: '{}' is not a list of integers such as 784-512-10", what, text),
                  where);
    }
    values.push_back(value);
    if (stop == std::string_view::npos) return values;
    rest.remove_prefix(stop + 1);
  }
}

}  // namespace ingrad
