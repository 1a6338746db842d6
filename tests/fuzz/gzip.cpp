// SPDX-License-Identifier: Apache-2.0
#include "engine/io/gzip.h"

#include "tests/fuzz/fuzz.h"

using namespace ingrad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](std::span<const std::byte> bytes) {
    constexpr std::int64_t kLimit = 1 << 24;
    must(gunzip(bytes, "fuzz", kLimit).size() <= kLimit);
  });
}
