// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "kernels/bits.h"
#include "kernels/cpu/resample.h"

namespace ingrad::kernels::cpu {

template <class Bits>
void resample_move(const ResampleArgs& a, Range range) {
  using T = typename Bits::type;
  const AxisTable& m = *a.table;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const ResampleBlock b = block_of(a, u);
    for (std::int64_t o = b.outer; o < b.outer + b.rows; ++o) {
      const T* src = static_cast<const T*>(a.src) + o * m.in * a.inner + b.begin;
      T* dst = static_cast<T*>(a.dst) + o * m.out * a.inner + b.begin;
      const auto bytes = static_cast<std::size_t>(b.end - b.begin) * sizeof(T);
      for (std::int64_t j = b.first; j < b.last; ++j) {
        const std::int64_t t = m.offset[static_cast<std::size_t>(j)];
        const bool filled = m.offset[static_cast<std::size_t>(j) + 1] > t;
        const T* from = filled ? src + m.index[static_cast<std::size_t>(t)] * a.inner : nullptr;
        if (a.inner == 1) {
          dst[j] = filled ? *from : T{0};
        } else if (filled) {
          std::memcpy(dst + j * a.inner, from, bytes);
        } else {
          std::memset(dst + j * a.inner, 0, bytes);
        }
      }
    }
  }
}

template void resample_move<Bits8>(const ResampleArgs&, Range);
template void resample_move<Bits16>(const ResampleArgs&, Range);
template void resample_move<Bits32>(const ResampleArgs&, Range);
template void resample_move<Bits64>(const ResampleArgs&, Range);

}  // namespace ingrad::kernels::cpu
