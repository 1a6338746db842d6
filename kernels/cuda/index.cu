// SPDX-License-Identifier: Apache-2.0
// Gather, an element per thread. Sums by index without atomics: the entries of a line are sorted by
// index, stably, and each output adds the run that is its own, in order.
#include "kernels/index.h"

#include <type_traits>

#include "kernels/bits.h"
#include "kernels/cuda/bitonic.cuh"
#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

__device__ inline std::int64_t position(const IndexArgs& a, std::int64_t o, std::int64_t j,
                                        std::int64_t i) {
  return a.index[o * a.index_outer + j * a.index_axis + i * a.index_inner];
}

template <class Bits>
void run_gather(const IndexArgs& a, Range) {
  using T = typename Bits::type;
  launch_each(a.outer * a.count * a.inner, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t i = e % a.inner, j = e / a.inner % a.count, o = e / a.inner / a.count;
    const std::int64_t p = position(a, o, j, i);
    static_cast<T*>(a.dst)[e] =
        p == a.skip || p < 0 || p >= a.extent ? T{0} : static_cast<const T*>(a.src)[(o * a.extent + p) * a.inner + i];
  });
}

// An index above the place of its entry.
struct Entry {
  std::uint64_t index, at;
  __device__ bool operator<(const Entry& o) const {
    return index != o.index ? index < o.index : at < o.at;
  }
};

// Integers are added without sign: overflow wraps.
template <class T>
struct Wrapping {
  using type = T;
};
template <>
struct Wrapping<std::int32_t> {
  using type = std::uint32_t;
};
template <>
struct Wrapping<std::int64_t> {
  using type = std::uint64_t;
};

template <class T>
void run_scatter(const IndexArgs& a, Range) {
  using Sum = typename Wrapping<T>::type;
  if (a.outer * a.extent * a.inner == 0) return;
  // Indices that repeat along an axis need one sorted line for all of it.
  const std::int64_t outer_lines = a.index_outer == 0 ? 1 : a.outer;
  const std::int64_t inner_lines = a.index_inner == 0 ? 1 : a.inner;
  const std::int64_t lines = outer_lines * inner_lines, size = padded_line(a.count);
  auto* const entries = static_cast<Entry*>(
      device_scratch(lines * size * static_cast<std::int64_t>(sizeof(Entry))));
  launch_each(lines * size, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t line = e / size, j = e % size;
    const std::uint64_t last = ~std::uint64_t{0};
    entries[e] = j < a.count ? Entry{static_cast<std::uint64_t>(position(
                                         a, line / inner_lines, j, line % inner_lines)),
                                     static_cast<std::uint64_t>(j)}
                             : Entry{last, static_cast<std::uint64_t>(j)};
  });
  sort_lines(entries, lines, size);
  launch_each(a.outer * a.extent * a.inner, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t i = e % a.inner, k = e / a.inner % a.extent, o = e / a.inner / a.extent;
    Sum sum = 0;
    if (k != a.skip) {
      const Entry* const line =
          entries + ((outer_lines == 1 ? 0 : o) * inner_lines + (inner_lines == 1 ? 0 : i)) * size;
      std::int64_t low = 0, high = size;  // the first entry whose index is not below k
      while (low < high) {
        const std::int64_t middle = (low + high) / 2;
        if (line[middle].index < static_cast<std::uint64_t>(k)) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      for (; low < size && line[low].index == static_cast<std::uint64_t>(k); ++low) {
        const auto j = static_cast<std::int64_t>(line[low].at);
        sum += static_cast<Sum>(static_cast<const T*>(a.src)[(o * a.count + j) * a.inner + i]);
      }
    }
    static_cast<T*>(a.dst)[e] = static_cast<T>(sum);
  });
}

template <class T>
void run_one_hot(const OneHotArgs& a, Range) {
  launch_each(a.rows * a.classes, INGRAD_LAMBDA(std::int64_t e) {
    static_cast<T*>(a.dst)[e] = static_cast<T>(a.index[e / a.classes] == e % a.classes ? 1 : 0);
  });
}

}  // namespace

void install_index() {
  for (const DType t : {DType::f32, DType::i32}) gather.install(t, run_gather<Bits32>);
  for (const DType t : {DType::f64, DType::i64}) gather.install(t, run_gather<Bits64>);
  for (const DType t : {DType::bf16, DType::f16}) gather.install(t, run_gather<Bits16>);
  for (const DType t : {DType::u8, DType::boolean}) gather.install(t, run_gather<Bits8>);
  install_floats(scatter_sum, run_scatter<float>, run_scatter<double>);
  scatter_sum.install(DType::i32, run_scatter<std::int32_t>);
  scatter_sum.install(DType::i64, run_scatter<std::int64_t>);
  install_floats(one_hot, run_one_hot<float>, run_one_hot<double>);
  one_hot.install(DType::i32, run_one_hot<std::int32_t>);
  one_hot.install(DType::i64, run_one_hot<std::int64_t>);
  one_hot.install(DType::u8, run_one_hot<std::uint8_t>);
  one_hot.install(DType::boolean, run_one_hot<std::uint8_t>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
