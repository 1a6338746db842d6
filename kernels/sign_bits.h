// SPDX-License-Identifier: Apache-2.0
// Signs as one bit per element: all that the gradient of ReLU needs to know of its argument.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// Bit i % 8 of byte i / 8 is set where x[i] > 0 (a NaN is not). Readers load words that may begin
// at any byte, so that there are a few bytes more, of any value.
constexpr std::int64_t sign_bits_bytes(std::int64_t count) { return (count + 7) / 8 + 8; }
inline bool sign_bit(const std::uint8_t* bits, std::int64_t i) {
  return (bits[i / 8] >> (i % 8) & 1) != 0;
}

struct SignBitsArgs {
  const void* x = nullptr;
  std::uint8_t* bits = nullptr;  // sign_bits_bytes(count)
  std::int64_t count = 0;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(bits);
  }
};

// dtypes f32, f64. Units: 4096 elements.
extern const Family<SignBitsArgs> sign_bits;

inline constexpr std::int64_t kSignBitsUnit = 4096;

}  // namespace ingrad::kernels
