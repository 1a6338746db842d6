// SPDX-License-Identifier: Apache-2.0
// What every fuzz target does: hand arbitrary bytes to a parser, which must return or throw Error.
// Anything else (another exception, a sanitizer's report, a crash, too much time or memory) is a
// finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace ingrad {

template <class Parse>
int fuzz(const std::uint8_t* data, std::size_t size, const Parse& parse) {
  try {
    parse(std::as_bytes(std::span(data, size)));
  } catch (const Error&) {
  }
  return 0;
}

// For properties of what was accepted.
inline void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace ingrad
