// SPDX-License-Identifier: Apache-2.0
// Elements as plain bits, for kernels that move values without looking at them. The types may
// alias any other, so that one instance per size serves all dtypes.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

struct Bits8 {
  using type = std::uint8_t;
};
struct Bits16 {
  using type = std::uint16_t __attribute__((may_alias));
};
struct Bits32 {
  using type = std::uint32_t __attribute__((may_alias));
};
struct Bits64 {
  using type = std::uint64_t __attribute__((may_alias));
};

}  // namespace ingrad::kernels

// Table entries of a family whose function on `backend` is the template `fn` on one of the above.
#define INGRAD_ENTRIES_BY_SIZE(backend, fn)                                  \
  {backend, DType::f32, fn<Bits32>}, {backend, DType::f64, fn<Bits64>},      \
      {backend, DType::bf16, fn<Bits16>}, {backend, DType::f16, fn<Bits16>}, \
      {backend, DType::i32, fn<Bits32>}, {backend, DType::i64, fn<Bits64>},  \
      {backend, DType::u8, fn<Bits8>}, {                                     \
    backend, DType::boolean, fn<Bits8>                                       \
  }
