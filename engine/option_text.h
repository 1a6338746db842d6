// SPDX-License-Identifier: Apache-2.0
// Small configurations as one line of text: "name:first,key=value,flag". What models, optimisers
// and schedules are chosen by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/error.h"

namespace ingrad {

// The parts of such a line. Options are taken one by one; finish() refuses what is left over.
class OptionText {
 public:
  explicit OptionText(std::string_view text, Location where = Location::current());

  const std::string& name() const { return name_; }
  bool has(std::string_view key) const;

  // Each removes the option; `fallback` when it is not there. Error when the value is not of the
  // kind asked for. A flag without a value is true.
  double number(std::string_view key, double fallback);
  std::int64_t integer(std::string_view key, std::int64_t fallback);
  bool flag(std::string_view key, bool fallback = false);
  std::string text(std::string_view key, std::string_view fallback);
  // Integers separated by any of "-x/": "784-512-10".
  std::vector<std::int64_t> integers(std::string_view key);
  // The next entry without "=" that is not a known flag: to be called before flag().
  std::string positional();

  // Error names the options that nobody took.
  void finish() const;

 private:
  std::string take(std::string_view key, bool& found);
  [[noreturn]] void refuse(std::string_view key, std::string_view value,
                           std::string_view expected) const;

  std::string name_;
  std::vector<std::pair<std::string, std::string>> options_;  // key, value ("" for flags)
  Location where_;
};

// "784-512-10" (separators "-", "x", "/"); Error naming `what`.
std::vector<std::int64_t> parse_integers(std::string_view text, std::string_view what,
                                         Location where = Location::current());

}  // namespace ingrad
