// SPDX-License-Identifier: Apache-2.0
// Element by element from the definitions in kernels/random.h.
#pragma once

#include <cmath>
#include <utility>

#include "kernels/random.h"

namespace ingrad::kernels::reference {

inline std::uint32_t draw32(const PhiloxKey& key, std::uint64_t sample, std::uint64_t e) {
  return philox_block(key, sample, e / 4)[e % 4];
}
inline std::uint64_t draw64(const PhiloxKey& key, std::uint64_t sample, std::uint64_t e) {
  const PhiloxCounter c = philox_block(key, sample, e / 2);
  return std::uint64_t{c[2 * (e % 2) + 1]} << 32 | c[2 * (e % 2)];
}

// Calls element(key, sample, e, position in dst) for the elements of a range of units.
template <class Args, class Element>
void for_each_element(const Args& a, Range range, const Element& element) {
  const PhiloxKey key = philox_key(a.key);
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const RandomBlock b = random_block(a.count, u);
    for (std::int64_t e = b.begin; e < b.end; ++e) {
      element(key, a.key.sample + static_cast<std::uint64_t>(b.row), static_cast<std::uint64_t>(e),
              b.row * a.count + e);
    }
  }
}

template <class T>
void random_uniform(const RandomArgs& a, Range range) {
  const T below_b = std::nextafter(static_cast<T>(a.b), static_cast<T>(a.a));
  for_each_element(
      a, range, [&](const PhiloxKey& k, std::uint64_t s, std::uint64_t e, std::int64_t at) {
        const double u = sizeof(T) == 4
                             ? std::ldexp(draw32(k, s, e) >> 8, -24)
                             : std::ldexp(static_cast<double>(draw64(k, s, e) >> 11), -53);
        const T v = static_cast<T>(a.a + (a.b - a.a) * u);
        static_cast<T*>(a.dst)[at] = v < below_b ? v : below_b;
      });
}

template <class T>
void random_normal(const RandomArgs& a, Range range) {
  constexpr double kTwoPi = 6.283185307179586476925;
  for_each_element(
      a, range, [&](const PhiloxKey& k, std::uint64_t s, std::uint64_t e, std::int64_t at) {
        const std::uint64_t even = e & ~std::uint64_t{1};
        double u = 0, turn = 0;
        if (sizeof(T) == 4) {
          u = std::ldexp(draw32(k, s, even) + 1.0, -32);
          turn = std::ldexp(draw32(k, s, even + 1), -32);
        } else {
          u = std::ldexp(static_cast<double>((draw64(k, s, even) >> 11) + 1), -53);
          turn = std::ldexp(static_cast<double>(draw64(k, s, even + 1) >> 11), -53);
        }
        const double radius = std::sqrt(-2 * std::log(u));
        const double z = radius * (e % 2 == 0 ? std::cos(kTwoPi * turn) : std::sin(kTwoPi * turn));
        static_cast<T*>(a.dst)[at] = static_cast<T>(a.a + a.b * z);
      });
}

template <class T>
void random_bernoulli(const RandomArgs& a, Range range) {
  for_each_element(
      a, range, [&](const PhiloxKey& k, std::uint64_t s, std::uint64_t e, std::int64_t at) {
        static_cast<T*>(a.dst)[at] = static_cast<T>(draw32(k, s, e) < coin_threshold(a.a));
      });
}

template <class T>
void dropout(const DropoutArgs& a, Range range) {
  for_each_element(a, range,
                   [&](const PhiloxKey& k, std::uint64_t s, std::uint64_t e, std::int64_t at) {
                     const bool keeps = draw32(k, s, e) < coin_threshold(1 - a.p);
                     static_cast<T*>(a.dst)[at] =
                         keeps ? static_cast<T>(static_cast<const T*>(a.x)[at] / (1 - a.p)) : T(0);
                   });
}

template <class T>
void random_integers(const RandomIntegerArgs& a, Range range) {
  for_each_element(
      a, range, [&](const PhiloxKey& k, std::uint64_t s, std::uint64_t e, std::int64_t at) {
        const std::uint64_t v = static_cast<std::uint64_t>(a.low) + random_below(k, s, e, a.range);
        static_cast<T*>(a.dst)[at] = static_cast<T>(static_cast<std::int64_t>(v));
      });
}

inline void random_permutation(const RandomIntegerArgs& a, Range range) {
  const PhiloxKey key = philox_key(a.key);
  for (std::int64_t r = range.begin; r < range.end; ++r) {
    std::int64_t* p = static_cast<std::int64_t*>(a.dst) + r * a.count;
    for (std::int64_t e = 0; e < a.count; ++e) p[e] = e;
    for (std::int64_t e = a.count - 1; e > 0; --e) {
      const auto bound = static_cast<std::uint64_t>(e) + 1;
      std::swap(p[e], p[random_below(key, a.key.sample + static_cast<std::uint64_t>(r),
                                     static_cast<std::uint64_t>(e), bound)]);
    }
  }
}

}  // namespace ingrad::kernels::reference
