// SPDX-License-Identifier: Apache-2.0
// Stable sorting: elements become keys joined with their place (kernels/sort_key.h), all different.
#include "kernels/sort.h"

#include <type_traits>

#include "kernels/cuda/bitonic.cuh"
#include "kernels/cuda/install.h"
#include "kernels/sort_key.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

struct Narrow {
  std::uint64_t word;  // key above index
  __device__ static Narrow of(std::uint32_t key, std::int64_t index) {
    return {static_cast<std::uint64_t>(key) << 32 | static_cast<std::uint64_t>(index)};
  }
  __device__ static Narrow last() { return {~std::uint64_t{0}}; }
  __device__ std::int64_t index() const { return static_cast<std::int64_t>(word & 0xffffffffu); }
  __device__ bool operator<(const Narrow& o) const { return word < o.word; }
};
struct Wide {
  std::uint64_t key;
  std::int64_t at;
  __device__ static Wide of(std::uint64_t key, std::int64_t index) { return {key, index}; }
  __device__ static Wide last() { return {~std::uint64_t{0}, 0x7fffffffffffffff}; }
  __device__ std::int64_t index() const { return at; }
  __device__ bool operator<(const Wide& o) const { return key != o.key ? key < o.key : at < o.at; }
};

template <DType kType>
void run(const SortArgs& a, Range) {
  using E = SortElement<kType>;
  using T = typename E::type;
  using Key = decltype(E::key(T{}));
  using Entry = std::conditional_t<sizeof(Key) == 4, Narrow, Wide>;
  const std::int64_t lines = a.outer * a.inner, size = padded_line(a.extent);
  auto* const entries = static_cast<Entry*>(
      device_scratch(lines * size * static_cast<std::int64_t>(sizeof(Entry))));
  launch_each(lines * size, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t line = e / size, i = e % size;
    if (i >= a.extent) {
      entries[e] = Entry::last();
      return;
    }
    const std::int64_t at = (line / a.inner * a.extent + i) * a.inner + line % a.inner;
    const Key key = E::key(static_cast<const T*>(a.x)[at]);
    entries[e] = Entry::of(a.descending ? static_cast<Key>(~key) : key, i);
  });
  sort_lines(entries, lines, size);
  launch_each(lines * a.count, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t line = e / a.count, i = e % a.count;
    const std::int64_t from = entries[line * size + i].index();
    const std::int64_t to = (line / a.inner * a.count + i) * a.inner + line % a.inner;
    static_cast<T*>(a.values)[to] =
        static_cast<const T*>(a.x)[(line / a.inner * a.extent + from) * a.inner + line % a.inner];
    a.indices[to] = from;
  });
}

}  // namespace

void install_sort() {
  install_floats(sort, run<DType::f32>, run<DType::f64>);
  sort.install(DType::bf16, run<DType::bf16>);
  sort.install(DType::f16, run<DType::f16>);
  sort.install(DType::i32, run<DType::i32>);
  sort.install(DType::i64, run<DType::i64>);
  sort.install(DType::u8, run<DType::u8>);
  sort.install(DType::boolean, run<DType::boolean>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
