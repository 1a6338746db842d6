// SPDX-License-Identifier: Apache-2.0
// Each element becomes an unsigned key that sorts as the element should, joined with its index:
// all keys differ, so that an unstable sort of them is a stable sort of the elements.
#include "kernels/cpu/sort.h"

#include <algorithm>
#include <bit>
#include <new>
#include <type_traits>

namespace ingrad::kernels::cpu {
namespace {

// Rising order of floats as rising order of integers: flip all bits of negative numbers and the
// sign of the others. kInfinity: the bits of infinity; beyond it, sign aside, is NaN.
template <class U, U kInfinity>
U float_key(U bits) {
  constexpr U kSign = static_cast<U>(U{1} << (sizeof(U) * 8 - 1));
  const U size = static_cast<U>(bits & static_cast<U>(~kSign));
  if (size > kInfinity) return static_cast<U>(~U{0});
  if (size == 0) return kSign;
  return static_cast<U>((bits & kSign) != 0 ? ~bits : bits | kSign);
}

template <DType kType>
struct Element;
template <>
struct Element<DType::f32> {
  using type = float;
  static std::uint32_t key(float v) {
    return float_key<std::uint32_t, 0x7f800000u>(std::bit_cast<std::uint32_t>(v));
  }
};
template <>
struct Element<DType::f64> {
  using type = double;
  static std::uint64_t key(double v) {
    return float_key<std::uint64_t, 0x7ff0000000000000u>(std::bit_cast<std::uint64_t>(v));
  }
};
template <>
struct Element<DType::bf16> {
  using type = std::uint16_t;
  static std::uint32_t key(std::uint16_t v) { return float_key<std::uint16_t, 0x7f80u>(v); }
};
template <>
struct Element<DType::f16> {
  using type = std::uint16_t;
  static std::uint32_t key(std::uint16_t v) { return float_key<std::uint16_t, 0x7c00u>(v); }
};
template <>
struct Element<DType::i32> {
  using type = std::int32_t;
  static std::uint32_t key(std::int32_t v) { return static_cast<std::uint32_t>(v) ^ 0x80000000u; }
};
template <>
struct Element<DType::i64> {
  using type = std::int64_t;
  static std::uint64_t key(std::int64_t v) { return static_cast<std::uint64_t>(v) ^ (1ull << 63); }
};
template <>
struct Element<DType::u8> {
  using type = std::uint8_t;
  static std::uint32_t key(std::uint8_t v) { return v; }
};
template <>
struct Element<DType::boolean> : Element<DType::u8> {};

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
  using E = Element<kType>;
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
