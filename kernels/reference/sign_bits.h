// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "kernels/sign_bits.h"

namespace ingrad::kernels::reference {

template <class T>
void sign_bits(const SignBitsArgs& a, Range r) {
  const auto* const x = static_cast<const T*>(a.x);
  const std::int64_t end = std::min(a.count, r.end * kSignBitsUnit);
  for (std::int64_t i = r.begin * kSignBitsUnit; i < end; ++i) {
    if (i % 8 == 0) a.bits[i / 8] = 0;
    if (x[i] > T(0)) a.bits[i / 8] = static_cast<std::uint8_t>(a.bits[i / 8] | 1 << i % 8);
  }
}

}  // namespace ingrad::kernels::reference
