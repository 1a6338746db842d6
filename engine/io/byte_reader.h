// SPDX-License-Identifier: Apache-2.0
// A cursor over a file in memory. Every step is checked against the end, so that parsers of hostile
// files contain no bounds arithmetic of their own.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace ingrad {

class ByteReader {
 public:
  // `what` names the file in errors; it and `bytes` outlive the reader.
  ByteReader(std::span<const std::byte> bytes, std::string_view what, Location where)
      : bytes_(bytes), what_(what), where_(where) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t remaining() const { return bytes_.size() - position_; }
  bool at_end() const { return remaining() == 0; }
  std::string_view what() const { return what_; }
  Location where() const { return where_; }

  // The next n bytes. `of` says what they are: Error "FILE: ends at byte ... within OF".
  std::span<const std::byte> take(std::uint64_t n, std::string_view of);
  std::string_view take_text(std::uint64_t n, std::string_view of);
  // Moves to an absolute position, at most the end.
  void seek(std::uint64_t position, std::string_view of);

  template <std::unsigned_integral T>
  T little(std::string_view of) {
    const auto from = take(sizeof(T), of);
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;)
      value = value << 8 | std::to_integer<unsigned>(from[i]);
    return static_cast<T>(value);
  }
  template <std::unsigned_integral T>
  T big(std::string_view of) {
    std::uint64_t value = 0;
    for (const std::byte b : take(sizeof(T), of)) value = value << 8 | std::to_integer<unsigned>(b);
    return static_cast<T>(value);
  }

  // Error "FILE: problem".
  [[noreturn]] void fail(std::string_view problem) const;

 private:
  std::span<const std::byte> bytes_;
  std::string_view what_;
  Location where_;
  std::uint64_t position_ = 0;
};

// Bytes of a file as they may stand in a message: printable ASCII, the rest as \xHH, at most
// `limit` of them.
std::string printable(std::string_view bytes, std::size_t limit = 60);

}  // namespace ingrad
