// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/copy.h"

namespace ingrad::kernels::reference {

template <class Bits>
void copy(const CopyArgs& a, Range range) {
  using T = typename Bits::type;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const CopyBlock b = block_of(a, u);
    for (std::int64_t r = 0; r < b.rows; ++r) {
      for (std::int64_t c = 0; c < b.columns; ++c) {
        static_cast<T*>(a.dst)[b.dst + r * b.dst_row + c * b.dst_column] =
            static_cast<const T*>(a.src)[b.src + r * b.src_row + c * b.src_column];
      }
    }
  }
}

}  // namespace ingrad::kernels::reference
