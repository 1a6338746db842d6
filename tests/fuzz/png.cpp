// SPDX-License-Identifier: Apache-2.0
#include "engine/io/png.h"

#include "tests/fuzz/fuzz.h"

using namespace ingrad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](std::span<const std::byte> bytes) {
    const Tensor image = parse_png(bytes);
    // What was read is written and read again unchanged.
    const Tensor again = parse_png(format_png(image));
    must(again.spec() == image.spec() && again.to_vector<int>() == image.to_vector<int>());
  });
}
