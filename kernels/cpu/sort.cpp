// SPDX-License-Identifier: Apache-2.0
// Each element becomes an unsigned key that sorts as the element should, joined with its index:
// all keys differ, so that an unstable sort of them is a stable sort of the elements.
#include "kernels/cpu/sort.h"

#include <algorithm>
#include <new>
#include <type_traits>

#include "kernels/sort_key.h"

namespace ingrad::kernels::cpu {
namespace {

// Key above index, in one word or two.
struct Narrow {
  std::uint64_t word;
  Narrow(std::uint32_t key, std::int64_t index)
      : word(static_cast<std::uint64_t>(key) << 32 | static_cast<std::uint64_t>(index)) {}
  std::int64_t index() const { return static_cast<std::int64_t>(word & 0xffffffffu); }
  bool operator<(const Narrow& o) const { return word < o.word; }
};
struct Wide {
  std::uint64_t key;
  std::int64_t at;
  Wide(std::uint64_t k, std::int64_t i) : key(k), at(i) {}
  std::int64_t index() const { return at; }
  bool operator<(const Wide& o) const { return key != o.key ? key < o.key : at < o.at; }
};

}  // namespace

template <DType kType>
void sort(const SortArgs& a, Range range) {
  using E = SortElement<kType>;
  using T = typename E::type;
  using Key = decltype(E::key(T{}));
  using Entry = std::conditional_t<sizeof(Key) == 4, Narrow, Wide>;
  auto* entries = static_cast<Entry*>(range.scratch);
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const T* x = static_cast<const T*>(a.x) + u / a.inner * a.extent * a.inner + u % a.inner;
    for (std::int64_t i = 0; i < a.extent; ++i) {
      const Key key = E::key(x[i * a.inner]);
      new (entries + i) Entry(a.descending ? static_cast<Key>(~key) : key, i);
    }
    if (a.count < a.extent) std::nth_element(entries, entries + a.count, entries + a.extent);
    std::sort(entries, entries + a.count);
    const std::int64_t to = u / a.inner * a.count * a.inner + u % a.inner;
    for (std::int64_t i = 0; i < a.count; ++i) {
      const std::int64_t from = entries[i].index();
      static_cast<T*>(a.values)[to + i * a.inner] = x[from * a.inner];
      a.indices[to + i * a.inner] = from;
    }
  }
}

template void sort<DType::f32>(const SortArgs&, Range);
template void sort<DType::f64>(const SortArgs&, Range);
template void sort<DType::bf16>(const SortArgs&, Range);
template void sort<DType::f16>(const SortArgs&, Range);
template void sort<DType::i32>(const SortArgs&, Range);
template void sort<DType::i64>(const SortArgs&, Range);
template void sort<DType::u8>(const SortArgs&, Range);
template void sort<DType::boolean>(const SortArgs&, Range);

}  // namespace ingrad::kernels::cpu
