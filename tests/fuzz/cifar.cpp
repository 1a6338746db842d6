// SPDX-License-Identifier: Apache-2.0
#include "datasets/cifar.h"

#include "tests/fuzz/fuzz.h"

using namespace ingrad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](std::span<const std::byte> bytes) {
    // The first byte chooses the format.
    if (bytes.empty()) return;
    const auto content = bytes.subspan(1);
    switch (std::to_integer<int>(bytes[0]) % 3) {
      case 0: must(parse_cifar(content, 1, 10).labels.rank() == 1); break;
      case 1: must(parse_cifar(content, 2, 100).labels.rank() == 1); break;
      default: must(parse_jpeg_records(content).rank() == 4);
    }
  });
}
