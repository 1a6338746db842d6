// SPDX-License-Identifier: Apache-2.0
// Where in the caller's program something was asked for: std::source_location, or its like for
// compilers whose standard library does not offer it yet (clang before 16).
#pragma once

#include <cstdint>
#include <source_location>

namespace ingrad {

#if defined(__cpp_lib_source_location)
using Location = std::source_location;
#else
class Location {
 public:
  static constexpr Location current(const char* file = __builtin_FILE(),
                                    const char* function = __builtin_FUNCTION(),
                                    std::uint_least32_t line = __builtin_LINE()) noexcept {
    Location l;
    l.file_ = file;
    l.function_ = function;
    l.line_ = line;
    return l;
  }
  constexpr const char* file_name() const noexcept { return file_; }
  constexpr const char* function_name() const noexcept { return function_; }
  constexpr std::uint_least32_t line() const noexcept { return line_; }
  constexpr std::uint_least32_t column() const noexcept { return 0; }

 private:
  const char* file_ = "";
  const char* function_ = "";
  std::uint_least32_t line_ = 0;
};
#endif

}  // namespace ingrad
