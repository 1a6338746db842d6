// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/resample.h"

namespace ingrad::kernels::reference {

template <class T>
void resample(const ResampleArgs& a, Range range) {
  const AxisTable& m = *a.table;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const ResampleBlock b = block_of(a, u);
    for (std::int64_t o = b.outer; o < b.outer + b.rows; ++o) {
      for (std::int64_t j = b.first; j < b.last; ++j) {
        for (std::int64_t i = b.begin; i < b.end; ++i) {
          double sum = 0;
          for (std::int64_t t = m.offset[j]; t < m.offset[j + 1]; ++t) {
            sum +=
                m.weight[t] * static_cast<const T*>(a.src)[(o * m.in + m.index[t]) * a.inner + i];
          }
          static_cast<T*>(a.dst)[(o * m.out + j) * a.inner + i] = static_cast<T>(sum);
        }
      }
    }
  }
}

template <class Bits>
void resample_move(const ResampleArgs& a, Range range) {
  using T = typename Bits::type;
  const AxisTable& m = *a.table;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const ResampleBlock b = block_of(a, u);
    for (std::int64_t o = b.outer; o < b.outer + b.rows; ++o) {
      for (std::int64_t j = b.first; j < b.last; ++j) {
        for (std::int64_t i = b.begin; i < b.end; ++i) {
          T value = 0;
          for (std::int64_t t = m.offset[j]; t < m.offset[j + 1]; ++t) {
            value = static_cast<const T*>(a.src)[(o * m.in + m.index[t]) * a.inner + i];
          }
          static_cast<T*>(a.dst)[(o * m.out + j) * a.inner + i] = value;
        }
      }
    }
  }
}

}  // namespace ingrad::kernels::reference
