// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/index.h"

namespace ingrad::kernels::reference {

inline std::int64_t position(const IndexArgs& a, std::int64_t o, std::int64_t j, std::int64_t i) {
  return a.index[o * a.index_outer + j * a.index_axis + i * a.index_inner];
}

template <class Bits>
void gather(const IndexArgs& a, Range range) {
  using T = typename Bits::type;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const IndexBlock b = gather_block(a, u);
    for (std::int64_t j = b.begin; j < b.end; ++j) {
      for (std::int64_t i = 0; i < a.inner; ++i) {
        const std::int64_t p = position(a, b.outer, j, i);
        static_cast<T*>(a.dst)[(b.outer * a.count + j) * a.inner + i] =
            p == a.skip ? T{0}
                        : static_cast<const T*>(a.src)[(b.outer * a.extent + p) * a.inner + i];
      }
    }
  }
}

// One output element at a time.
template <class T, class Sum>
void scatter_sum(const IndexArgs& a, Range range) {
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const IndexBlock b = scatter_block(a, u);
    for (std::int64_t k = 0; k < a.extent; ++k) {
      for (std::int64_t i = b.begin; i < b.end; ++i) {
        Sum sum = 0;
        for (std::int64_t j = 0; j < a.count && k != a.skip; ++j) {
          if (position(a, b.outer, j, i) != k) continue;
          sum +=
              static_cast<Sum>(static_cast<const T*>(a.src)[(b.outer * a.count + j) * a.inner + i]);
        }
        static_cast<T*>(a.dst)[(b.outer * a.extent + k) * a.inner + i] = static_cast<T>(sum);
      }
    }
  }
}

template <class T>
void one_hot(const OneHotArgs& a, Range range) {
  for (std::int64_t r = range.begin; r < range.end; ++r) {
    for (std::int64_t c = 0; c < a.classes; ++c) {
      static_cast<T*>(a.dst)[r * a.classes + c] = static_cast<T>(a.index[r] == c);
    }
  }
}

}  // namespace ingrad::kernels::reference
