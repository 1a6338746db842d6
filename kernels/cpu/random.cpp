// SPDX-License-Identifier: Apache-2.0
// Random arrays. The loops are plain C++ in IEEE operations without contraction, compiled once per
// instruction set: the vectoriser changes their speed, never their bits.
#include "kernels/cpu/random.h"

#include <algorithm>
#include <bit>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/random.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/lane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

constexpr int kBlocks = 16;          // Philox blocks computed side by side
constexpr int kWords = 4 * kBlocks;  // 32-bit draws that they give

// Words of the blocks first ... first + kBlocks - 1, in order.
HWY_INLINE void fill_words(const PhiloxKey& key, std::uint64_t sample, std::uint64_t first,
                           std::uint32_t* HWY_RESTRICT words) {
  std::uint32_t c0[kBlocks], c1[kBlocks], c2[kBlocks], c3[kBlocks];
  for (int i = 0; i < kBlocks; ++i) {
    c0[i] = low_word(first + static_cast<std::uint64_t>(i));
    c1[i] = high_word(first + static_cast<std::uint64_t>(i));
    c2[i] = low_word(sample);
    c3[i] = high_word(sample);
  }
  std::uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < kPhiloxRounds; ++round) {
    for (int i = 0; i < kBlocks; ++i) {
      const std::uint64_t p0 = std::uint64_t{kPhiloxMultiplier0} * c0[i];
      const std::uint64_t p1 = std::uint64_t{kPhiloxMultiplier1} * c2[i];
      c0[i] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<std::uint32_t>(p1);
      c2[i] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<std::uint32_t>(p0);
    }
    k0 += kPhiloxWeyl0;
    k1 += kPhiloxWeyl1;
  }
  for (int i = 0; i < kBlocks; ++i) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

#define INGRAD_NORMAL HWY_INLINE
#include "kernels/normal-inl.h"
#undef INGRAD_NORMAL

HWY_INLINE std::uint64_t join(const std::uint32_t* w) { return std::uint64_t{w[1]} << 32 | w[0]; }

// What to do with kWords words; each step turns them into kPerStep elements.
template <class T>
struct Uniform {
  static constexpr int kPerStep = sizeof(T) == 4 ? kWords : kWords / 2;
  double low, width;
  T below_high;
  explicit Uniform(const RandomArgs& a)
      : low(a.a),
        width(a.b - a.a),
        below_high(std::nextafter(static_cast<T>(a.b), static_cast<T>(a.a))) {}
  HWY_INLINE void step(const std::uint32_t* HWY_RESTRICT w, const T*, T* HWY_RESTRICT out) const {
    for (int i = 0; i < kPerStep; ++i) {
      double u = 0;
      if constexpr (sizeof(T) == 4) {
        u = static_cast<double>(static_cast<std::int32_t>(w[i] >> 8)) * 0x1p-24;
      } else {
        u = static_cast<double>(static_cast<std::int64_t>(join(w + 2 * i) >> 11)) * 0x1p-53;
      }
      const T v = static_cast<T>(low + width * u);
      out[i] = v < below_high ? v : below_high;
    }
  }
};

template <class T>
struct Normal {
  static constexpr int kPerStep = sizeof(T) == 4 ? kWords : kWords / 2;
  double mean, deviation;
  explicit Normal(const RandomArgs& a) : mean(a.a), deviation(a.b) {}
  HWY_INLINE void step(const std::uint32_t* HWY_RESTRICT w, const T*, T* HWY_RESTRICT out) const {
    for (int i = 0; i < kPerStep; i += 2) {
      double u = 0, turn = 0, z0 = 0, z1 = 0;
      if constexpr (sizeof(T) == 4) {
        u = (static_cast<double>(w[i]) + 1) * 0x1p-32;
        turn = static_cast<double>(w[i + 1]) * 0x1p-32;
      } else {
        u = static_cast<double>(static_cast<std::int64_t>(join(w + 2 * i) >> 11) + 1) * 0x1p-53;
        turn = static_cast<double>(static_cast<std::int64_t>(join(w + 2 * i + 2) >> 11)) * 0x1p-53;
      }
      normal_pair(u, turn, mean, deviation, z0, z1);
      out[i] = static_cast<T>(z0);
      out[i + 1] = static_cast<T>(z1);
    }
  }
};

// A threshold of 2^32 (certainty) does not fit 32 bits: compare with `last`, the largest draw that
// happens, unless none does.
struct Coin {
  std::uint32_t last;
  bool never;
  explicit Coin(double p)
      : last(static_cast<std::uint32_t>(coin_threshold(p) - 1)), never(coin_threshold(p) == 0) {}
};

template <class T>
struct Bernoulli {
  static constexpr int kPerStep = kWords;
  Coin coin;
  explicit Bernoulli(const RandomArgs& a) : coin(a.a) {}
  HWY_INLINE void step(const std::uint32_t* HWY_RESTRICT w, const T*, T* HWY_RESTRICT out) const {
    const T heads = static_cast<T>(coin.never ? 0 : 1);
    for (int i = 0; i < kPerStep; ++i) out[i] = w[i] <= coin.last ? heads : static_cast<T>(0);
  }
};

template <class T>
struct Dropout {
  static constexpr int kPerStep = kWords;
  Coin coin;
  T scale;
  explicit Dropout(const DropoutArgs& a)
      : coin(1 - a.p), scale(coin.never ? T(0) : static_cast<T>(1 / (1 - a.p))) {}
  HWY_INLINE void step(const std::uint32_t* HWY_RESTRICT w, const T* HWY_RESTRICT x,
                       T* HWY_RESTRICT out) const {
    if (coin.never) {
      for (int i = 0; i < kPerStep; ++i) out[i] = T(0);
      return;
    }
    for (int i = 0; i < kPerStep; ++i) {
      const T kept = x[i] * scale;
      out[i] = w[i] <= coin.last ? kept : T(0);
    }
  }
};

// x may be null for distributions that read nothing.
template <class T, class Distribution, class Args>
void fill(const Args& a, const void* input, Range range) {
  constexpr int kStep = Distribution::kPerStep;
  static_assert(kRandomRun % kStep == 0, "runs start at whole steps");
  const Distribution distribution(a);
  const PhiloxKey key = philox_key(a.key);
  std::uint32_t words[kWords];
  T from[kStep] = {}, to[kStep];
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const RandomBlock b = random_block(a.count, u);
    const std::uint64_t sample = a.key.sample + static_cast<std::uint64_t>(b.row);
    T* out = static_cast<T*>(a.dst) + b.row * a.count;
    const T* x = input == nullptr ? nullptr : static_cast<const T*>(input) + b.row * a.count;
    for (std::int64_t e = b.begin; e < b.end; e += kStep) {
      fill_words(key, sample, static_cast<std::uint64_t>(e / kStep) * kBlocks, words);
      const std::int64_t n = std::min<std::int64_t>(kStep, b.end - e);
      if (n == kStep) {
        distribution.step(words, x == nullptr ? from : x + e, out + e);
        continue;
      }
      if (x != nullptr) std::copy_n(x + e, n, from);
      distribution.step(words, from, to);
      std::copy_n(to, n, out + e);
    }
  }
}

void uniform_32(const RandomArgs& a, Range r) { fill<float, Uniform<float>>(a, nullptr, r); }
void uniform_64(const RandomArgs& a, Range r) { fill<double, Uniform<double>>(a, nullptr, r); }
void normal_32(const RandomArgs& a, Range r) { fill<float, Normal<float>>(a, nullptr, r); }
void normal_64(const RandomArgs& a, Range r) { fill<double, Normal<double>>(a, nullptr, r); }
void coin_f32(const RandomArgs& a, Range r) { fill<float, Bernoulli<float>>(a, nullptr, r); }
void coin_f64(const RandomArgs& a, Range r) { fill<double, Bernoulli<double>>(a, nullptr, r); }
void coin_i32(const RandomArgs& a, Range r) {
  fill<std::int32_t, Bernoulli<std::int32_t>>(a, nullptr, r);
}
void coin_i64(const RandomArgs& a, Range r) {
  fill<std::int64_t, Bernoulli<std::int64_t>>(a, nullptr, r);
}
void coin_u8(const RandomArgs& a, Range r) {
  fill<std::uint8_t, Bernoulli<std::uint8_t>>(a, nullptr, r);
}
void dropout_32(const DropoutArgs& a, Range r) { fill<float, Dropout<float>>(a, a.x, r); }
void dropout_64(const DropoutArgs& a, Range r) { fill<double, Dropout<double>>(a, a.x, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(uniform_32);
HWY_EXPORT(uniform_64);
HWY_EXPORT(normal_32);
HWY_EXPORT(normal_64);
HWY_EXPORT(coin_f32);
HWY_EXPORT(coin_f64);
HWY_EXPORT(coin_i32);
HWY_EXPORT(coin_i64);
HWY_EXPORT(coin_u8);
HWY_EXPORT(dropout_32);
HWY_EXPORT(dropout_64);

void random_uniform_f32(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(uniform_32)(a, r); }
void random_uniform_f64(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(uniform_64)(a, r); }
void random_normal_f32(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(normal_32)(a, r); }
void random_normal_f64(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(normal_64)(a, r); }
void random_bernoulli_f32(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(coin_f32)(a, r); }
void random_bernoulli_f64(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(coin_f64)(a, r); }
void random_bernoulli_i32(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(coin_i32)(a, r); }
void random_bernoulli_i64(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(coin_i64)(a, r); }
void random_bernoulli_u8(const RandomArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(coin_u8)(a, r); }
void dropout_f32(const DropoutArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(dropout_32)(a, r); }
void dropout_f64(const DropoutArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(dropout_64)(a, r); }

}  // namespace ingrad::kernels::cpu
#endif
