// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>

#include "kernels/sort.h"

namespace ingrad::kernels::reference {

template <DType kType>
struct SortElement;
template <>
struct SortElement<DType::f32> {
  using type = float;
  static double number(float v) { return v; }
};
template <>
struct SortElement<DType::f64> {
  using type = double;
  static double number(double v) { return v; }
};
template <>
struct SortElement<DType::bf16> {
  using type = std::uint16_t;
  static double number(std::uint16_t v) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(v) << 16);
  }
};
template <>
struct SortElement<DType::f16> {
  using type = std::uint16_t;
  static double number(std::uint16_t v) {
    const int exponent = v >> 10 & 31, fraction = v & 1023;
    const double size = exponent == 31  ? (fraction != 0 ? NAN : INFINITY)
                        : exponent == 0 ? std::ldexp(fraction, -24)
                                        : std::ldexp(1024 + fraction, exponent - 25);
    return (v & 0x8000) != 0 ? -size : size;
  }
};
template <>
struct SortElement<DType::i32> {
  using type = std::int32_t;
  static std::int64_t number(std::int32_t v) { return v; }
};
template <>
struct SortElement<DType::i64> {
  using type = std::int64_t;
  static std::int64_t number(std::int64_t v) { return v; }
};
template <>
struct SortElement<DType::u8> {
  using type = std::uint8_t;
  static std::int64_t number(std::uint8_t v) { return v; }
};
template <>
struct SortElement<DType::boolean> {
  using type = std::uint8_t;
  static std::int64_t number(std::uint8_t v) { return v; }
};

// NaN counts as larger than any number.
template <class N>
bool comes_before(N a, N b) {
  return a < b || (a == a && b != b);
}

// The place of an element is the number of elements that come before it.
template <DType kType>
void sort(const SortArgs& a, Range range) {
  using E = SortElement<kType>;
  using T = typename E::type;
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const T* x = static_cast<const T*>(a.x) + u / a.inner * a.extent * a.inner + u % a.inner;
    const std::int64_t to = u / a.inner * a.count * a.inner + u % a.inner;
    for (std::int64_t i = 0; i < a.extent; ++i) {
      const auto v = E::number(x[i * a.inner]);
      std::int64_t place = 0;
      for (std::int64_t j = 0; j < a.extent; ++j) {
        const auto w = E::number(x[j * a.inner]);
        const bool before = a.descending ? comes_before(v, w) : comes_before(w, v);
        const bool after = a.descending ? comes_before(w, v) : comes_before(v, w);
        if (before || (!after && j < i)) ++place;
      }
      if (place >= a.count) continue;
      static_cast<T*>(a.values)[to + place * a.inner] = x[i * a.inner];
      a.indices[to + place * a.inner] = i;
    }
  }
}

}  // namespace ingrad::kernels::reference
