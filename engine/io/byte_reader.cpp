// SPDX-License-Identifier: Apache-2.0
#include "engine/io/byte_reader.h"

#include <fmt/format.h>

namespace ingrad {

std::span<const std::byte> ByteReader::take(std::uint64_t n, std::string_view of) {
  if (n > remaining()) {
    fail(fmt::format("ends at byte {} within {}: {} bytes from byte {} were expected",
                     bytes_.size(), of, n, position_));
  }
  const auto result = bytes_.subspan(position_, n);
  position_ += n;
  return result;
}

std::string_view ByteReader::take_text(std::uint64_t n, std::string_view of) {
  const auto bytes = take(n, of);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void ByteReader::seek(std::uint64_t position, std::string_view of) {
  if (position > bytes_.size()) {
    fail(fmt::format("{} lies at byte {}, beyond the end at byte {}", of, position, bytes_.size()));
  }
  position_ = position;
}

void ByteReader::fail(std::string_view problem) const {
  throw Error(fmt::format("{}: {}", what_, problem), where_);
}

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string text;
  for (const char c : bytes.substr(0, limit)) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (bytes.size() > limit) text += "...";
  return text;
}

}  // namespace ingrad
