// SPDX-License-Identifier: Apache-2.0
#include "engine/io/png.h"

#include <vector>

#include "engine/io/gzip.h"
#include "tests/fuzz/fuzz.h"

using namespace ingrad;

namespace {

// Gives every chunk the checksum of its content, so that changed content reaches the decoder.
std::vector<std::byte> with_checksums(std::span<const std::byte> bytes) {
  std::vector<std::byte> result(bytes.begin(), bytes.end());
  const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(result[i]); };
  for (std::size_t at = 8; at + 12 <= result.size();) {
    const std::size_t size = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    if (size > result.size() - at - 12) break;
    const std::size_t end = at + 8 + size;
    const std::uint32_t crc = crc32_of(std::span(result).subspan(at + 4, size + 4));
    for (std::size_t i = 0; i < 4; ++i)
      result[end + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
    at = end + 4;
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](std::span<const std::byte> bytes) {
    const Tensor image = parse_png(with_checksums(bytes));
    // What was read is written and read again unchanged.
    const Tensor again = parse_png(format_png(image));
    must(again.spec() == image.spec() && again.to_vector<int>() == image.to_vector<int>());
  });
}
