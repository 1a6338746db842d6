// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "engine/io/csv.h"

#include "tests/fuzz/fuzz.h"

using namespace ingrad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz(data, size, [](std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const CsvTable table = parse_csv(text);
    for (const auto& row : table.rows) must(row.size() == table.columns.size());
    for (std::size_t c = 0; c < table.columns.size(); ++c) table.numbers(c);
  });
}
