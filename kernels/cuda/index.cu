// SPDX-License-Identifier: Apache-2.0
// Gather, an element per thread. Sums by index in a fixed order: the entries of a line that share an
// index are chained up, in any order, and each output adds its chain in order of their places. Only
// a few links are sorted at a time, so long lines, whose chains may be long, are sorted as a whole.
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

// Indices that repeat along an axis need one line for all of it.
struct Lines {
  std::int64_t outer, inner;
  explicit Lines(const IndexArgs& a)
      : outer(a.index_outer == 0 ? 1 : a.outer), inner(a.index_inner == 0 ? 1 : a.inner) {}
  std::int64_t count() const { return outer * inner; }
  __device__ std::int64_t of(std::int64_t o, std::int64_t i) const {
    return (outer == 1 ? 0 : o) * inner + (inner == 1 ? 0 : i);
  }
};

constexpr std::int64_t kMostChained = 4096;  // entries of a line
constexpr int kLinks = 16;                   // that are sorted at a time

// The sum over a chain of src[at * step], in rising order of `at`: the least kLinks of those above
// the last one, again and again.
template <class T, class Sum>
__device__ Sum chain_sum(const T* src, std::int64_t step, std::int32_t first,
                         const std::int32_t* next) {
  Sum sum = 0;
  for (std::int32_t above = -1;;) {
    std::int32_t least[kLinks];
    int found = 0;
    bool more = false;
    for (std::int32_t j = first; j >= 0; j = next[j]) {
      if (j <= above) continue;
      more = more || found == kLinks;
      if (found == kLinks && j > least[kLinks - 1]) continue;
      int at = found < kLinks ? found++ : kLinks - 1;
      for (; at > 0 && least[at - 1] > j; --at) least[at] = least[at - 1];
      least[at] = j;
    }
    for (int k = 0; k < found; ++k) sum += static_cast<Sum>(src[least[k] * step]);
    if (!more) return sum;
    above = least[kLinks - 1];
  }
}

template <class T>
void scatter_chained(const IndexArgs& a) {
  using Sum = typename Wrapping<T>::type;
  const Lines lines(a);
  const std::int64_t heads = lines.count() * a.extent;
  auto* const head = static_cast<std::int32_t*>(
      device_scratch((heads + lines.count() * a.count) * static_cast<std::int64_t>(sizeof(std::int32_t))));
  std::int32_t* const next = head + heads;
  launch_each(heads, INGRAD_LAMBDA(std::int64_t e) { head[e] = -1; });
  launch_each(lines.count() * a.count, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t line = e / a.count, j = e % a.count;
    const std::int64_t p = position(a, line / lines.inner, j, line % lines.inner);
    if (p == a.skip || p < 0 || p >= a.extent) return;
    next[e] = atomicExch(&head[line * a.extent + p], static_cast<std::int32_t>(j));
  });
  launch_each(a.outer * a.extent * a.inner, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t i = e % a.inner, k = e / a.inner % a.extent, o = e / a.inner / a.extent;
    const std::int64_t line = lines.of(o, i);
    const T* const src = static_cast<const T*>(a.src) + o * a.count * a.inner + i;
    static_cast<T*>(a.dst)[e] = static_cast<T>(chain_sum<T, Sum>(
        src, a.inner, head[line * a.extent + k], next + line * a.count));
  });
}

template <class T>
void scatter_sorted(const IndexArgs& a) {
  using Sum = typename Wrapping<T>::type;
  const Lines lines(a);
  const std::int64_t size = padded_line(a.count);
  auto* const entries = static_cast<Entry*>(
      device_scratch(lines.count() * size * static_cast<std::int64_t>(sizeof(Entry))));
  launch_each(lines.count() * size, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t line = e / size, j = e % size;
    const std::uint64_t last = ~std::uint64_t{0};
    entries[e] = j < a.count ? Entry{static_cast<std::uint64_t>(position(
                                         a, line / lines.inner, j, line % lines.inner)),
                                     static_cast<std::uint64_t>(j)}
                             : Entry{last, static_cast<std::uint64_t>(j)};
  });
  sort_lines(entries, lines.count(), size);
  launch_each(a.outer * a.extent * a.inner, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t i = e % a.inner, k = e / a.inner % a.extent, o = e / a.inner / a.extent;
    Sum sum = 0;
    if (k != a.skip) {
      const Entry* const line = entries + lines.of(o, i) * size;
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
void run_scatter(const IndexArgs& a, Range) {
  if (a.outer * a.extent * a.inner == 0) return;
  if (a.count <= kMostChained) {
    scatter_chained<T>(a);
  } else {
    scatter_sorted<T>(a);
  }
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
