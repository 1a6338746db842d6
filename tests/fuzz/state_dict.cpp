// SPDX-License-Identifier: Apache-2.0
#include "engine/io/state_dict.h"

#include "engine/io/zip.h"
#include "tests/fuzz/fuzz.h"

using namespace ingrad;

// The bytes are the pickle of an archive with one storage: the checksums of the archive would stop
// nearly every change otherwise (the target npz has archives).
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](std::span<const std::byte> bytes) {
    ZipWriter zip;
    zip.add("a/data.pkl", bytes);
    const std::byte storage[64] = {};
    zip.add("a/data/0", storage);
    for (const NamedTensor& t : parse_state_dict(zip.finish())) must(t.tensor.size() <= 64);
  });
}
