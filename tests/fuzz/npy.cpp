// SPDX-License-Identifier: Apache-2.0
#include "engine/io/npy.h"

#include "tests/fuzz/fuzz.h"

using namespace ingrad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](std::span<const std::byte> bytes) {
    const Tensor t = parse_npy(bytes);
    // What was read is written and read again unchanged.
    const Tensor again = parse_npy(format_npy(t));
    must(again.spec() == t.spec() && format_npy(again) == format_npy(t));
  });
}
