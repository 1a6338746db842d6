// SPDX-License-Identifier: Apache-2.0
#include "engine/io/npy.h"

#include "tests/fuzz/fuzz.h"

using namespace ingrad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](std::span<const std::byte> bytes) {
    for (const NamedTensor& t : parse_npz(bytes)) must(t.tensor.defined());
  });
}
