// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/copy.h"

#include <algorithm>
#include <cstring>

#include "kernels/bits.h"

namespace ingrad::kernels::cpu {
namespace {

template <class T>
void copy_run(const T* src, std::int64_t src_step, T* dst, std::int64_t dst_step, std::int64_t n) {
  if (dst_step == 1 && src_step == 1) {
    std::memcpy(dst, src, static_cast<std::size_t>(n) * sizeof(T));
  } else if (dst_step == 1 && src_step == 0) {
    std::fill_n(dst, n, *src);
  } else if (dst_step == 1 && src_step == -1) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = src[-i];
  } else if (dst_step == 1) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = src[i * src_step];
  } else {
    for (std::int64_t i = 0; i < n; ++i) dst[i * dst_step] = src[i * src_step];
  }
}

// Rows are contiguous in src, columns in dst. Squares of one cache line a side.
template <class T>
void transpose_band(const T* src, std::int64_t src_column, T* dst, std::int64_t dst_row,
                    std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kSide = 16;
  for (std::int64_t c0 = 0; c0 < columns; c0 += kSide) {
    const std::int64_t n = std::min(kSide, columns - c0);
    for (std::int64_t r = 0; r < rows; ++r) {
      const T* from = src + r + c0 * src_column;
      T* to = dst + r * dst_row + c0;
      for (std::int64_t c = 0; c < n; ++c) to[c] = from[c * src_column];
    }
  }
}

}  // namespace

template <class Bits>
void copy(const CopyArgs& a, Range range) {
  using T = typename Bits::type;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const CopyBlock b = block_of(a, u);
    const T* src = static_cast<const T*>(a.src) + b.src;
    T* dst = static_cast<T*>(a.dst) + b.dst;
    if (b.rows == 1) {
      copy_run(src, b.src_column, dst, b.dst_column, b.columns);
    } else {
      transpose_band(src, b.src_column, dst, b.dst_row, b.rows, b.columns);
    }
  }
}

template void copy<Bits8>(const CopyArgs&, Range);
template void copy<Bits16>(const CopyArgs&, Range);
template void copy<Bits32>(const CopyArgs&, Range);
template void copy<Bits64>(const CopyArgs&, Range);

}  // namespace ingrad::kernels::cpu
