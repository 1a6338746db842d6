// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/index.h"

#include <algorithm>
#include <cstring>

#include "kernels/bits.h"

namespace ingrad::kernels::cpu {
namespace {

template <class T>
void zero(T* p, std::int64_t n) {
  if (n > 0) std::memset(static_cast<void*>(p), 0, static_cast<std::size_t>(n) * sizeof(T));
}

template <class T>
void add(const T* __restrict x, T* __restrict y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += x[i];
}

}  // namespace

template <class Bits>
void gather(const IndexArgs& a, Range range) {
  using T = typename Bits::type;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const IndexBlock b = gather_block(a, u);
    const T* src = static_cast<const T*>(a.src) + b.outer * a.extent * a.inner;
    T* dst = static_cast<T*>(a.dst) + b.outer * a.count * a.inner;
    const std::int64_t* index = a.index + b.outer * a.index_outer;
    if (a.inner == 1) {
      for (std::int64_t j = b.begin; j < b.end; ++j) {
        const std::int64_t p = index[j * a.index_axis];
        dst[j] = p == a.skip ? T{0} : src[p];
      }
    } else if (a.index_inner == 0) {
      for (std::int64_t j = b.begin; j < b.end; ++j) {
        const std::int64_t p = index[j * a.index_axis];
        if (p == a.skip) {
          zero(dst + j * a.inner, a.inner);
        } else {
          std::memcpy(dst + j * a.inner, src + p * a.inner,
                      static_cast<std::size_t>(a.inner) * sizeof(T));
        }
      }
    } else {
      for (std::int64_t j = b.begin; j < b.end; ++j) {
        for (std::int64_t i = 0; i < a.inner; ++i) {
          const std::int64_t p = index[j * a.index_axis + i * a.index_inner];
          dst[j * a.inner + i] = p == a.skip ? T{0} : src[p * a.inner + i];
        }
      }
    }
  }
}

template <class T>
void scatter_sum(const IndexArgs& a, Range range) {
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const IndexBlock b = scatter_block(a, u);
    const std::int64_t run = b.end - b.begin;
    const T* src = static_cast<const T*>(a.src) + b.outer * a.count * a.inner + b.begin;
    T* dst = static_cast<T*>(a.dst) + b.outer * a.extent * a.inner + b.begin;
    const std::int64_t* index = a.index + b.outer * a.index_outer + b.begin * a.index_inner;
    if (run == a.inner) {
      zero(dst, a.extent * a.inner);
    } else {
      for (std::int64_t k = 0; k < a.extent; ++k) zero(dst + k * a.inner, run);
    }
    if (a.inner == 1) {
      for (std::int64_t j = 0; j < a.count; ++j) {
        const std::int64_t p = index[j * a.index_axis];
        if (p != a.skip) dst[p] += src[j];
      }
    } else if (a.index_inner == 0) {
      for (std::int64_t j = 0; j < a.count; ++j) {
        const std::int64_t p = index[j * a.index_axis];
        if (p != a.skip) add(src + j * a.inner, dst + p * a.inner, run);
      }
    } else {
      for (std::int64_t j = 0; j < a.count; ++j) {
        for (std::int64_t i = 0; i < run; ++i) {
          const std::int64_t p = index[j * a.index_axis + i * a.index_inner];
          if (p != a.skip) dst[p * a.inner + i] += src[j * a.inner + i];
        }
      }
    }
  }
}

template <class T>
void one_hot(const OneHotArgs& a, Range range) {
  T* dst = static_cast<T*>(a.dst);
  zero(dst + range.begin * a.classes, (range.end - range.begin) * a.classes);
  for (std::int64_t r = range.begin; r < range.end; ++r) {
    dst[r * a.classes + a.index[r]] = static_cast<T>(1);
  }
}

template void gather<Bits8>(const IndexArgs&, Range);
template void gather<Bits16>(const IndexArgs&, Range);
template void gather<Bits32>(const IndexArgs&, Range);
template void gather<Bits64>(const IndexArgs&, Range);
template void scatter_sum<float>(const IndexArgs&, Range);
template void scatter_sum<double>(const IndexArgs&, Range);
template void scatter_sum<std::uint32_t>(const IndexArgs&, Range);
template void scatter_sum<std::uint64_t>(const IndexArgs&, Range);
template void one_hot<float>(const OneHotArgs&, Range);
template void one_hot<double>(const OneHotArgs&, Range);
template void one_hot<std::int32_t>(const OneHotArgs&, Range);
template void one_hot<std::int64_t>(const OneHotArgs&, Range);
template void one_hot<std::uint8_t>(const OneHotArgs&, Range);
template void one_hot<bool>(const OneHotArgs&, Range);

}  // namespace ingrad::kernels::cpu
