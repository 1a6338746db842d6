// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
// A keyed bijection of 128-bit counters whose values pass for random: element i of a sequence is
// computed from i alone.
#pragma once

#include <array>
#include <cstdint>

namespace ingrad::kernels {

inline constexpr std::uint32_t kPhiloxMultiplier0 = 0xD2511F53u;
inline constexpr std::uint32_t kPhiloxMultiplier1 = 0xCD9E8D57u;
inline constexpr std::uint32_t kPhiloxWeyl0 = 0x9E3779B9u;
inline constexpr std::uint32_t kPhiloxWeyl1 = 0xBB67AE85u;
inline constexpr int kPhiloxRounds = 10;

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

constexpr PhiloxCounter philox(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t{kPhiloxMultiplier0} * c[0];
    const std::uint64_t p1 = std::uint64_t{kPhiloxMultiplier1} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += kPhiloxWeyl0;
    k[1] += kPhiloxWeyl1;
  }
  return c;
}

constexpr std::uint32_t low_word(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
constexpr std::uint32_t high_word(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }

// The names of a random sequence. Sequences that differ in any of these are independent.
struct RandomKey {
  std::uint64_t seed = 0;    // of the experiment
  std::uint64_t stream = 0;  // what for: initialisation, shuffling, noise, a dropout layer ...
  std::uint64_t sample = 0;  // which sample; kernels add the row to it
  std::uint64_t draw = 0;    // which repetition: step, epoch, noise draw
};

// Seed, stream and draw, 192 bits, go through the bijection once to give the 64-bit key; block b of
// row r is then philox({b, sample + r}, key).
constexpr PhiloxKey philox_key(const RandomKey& k) {
  const PhiloxCounter c =
      philox({low_word(k.stream), high_word(k.stream), low_word(k.draw), high_word(k.draw)},
             {low_word(k.seed), high_word(k.seed)});
  return {c[0], c[1]};
}
constexpr PhiloxCounter philox_block(const PhiloxKey& key, std::uint64_t sample,
                                     std::uint64_t block) {
  return philox({low_word(block), high_word(block), low_word(sample), high_word(sample)}, key);
}

// An unbiased integer in [0, bound), bound > 0, for element e (below 2^56): the high half of a
// 64-bit product, rejecting the few products that would favour some values (Lemire 2019). Attempts
// take successive halves of the blocks e, e + 2^56, ...
constexpr std::uint64_t random_below(const PhiloxKey& key, std::uint64_t sample,
                                     std::uint64_t element, std::uint64_t bound) {
  const std::uint64_t unfair = (0 - bound) % bound;  // 2^64 mod bound
  std::uint64_t high = 0;
  // A rejection has probability below 1/2; 512 in a row do not happen.
  for (std::uint64_t attempt = 0; attempt < 256; ++attempt) {
    const PhiloxCounter c = philox_block(key, sample, element + (attempt << 56));
    for (int half = 0; half < 4; half += 2) {
      const std::uint64_t bits = std::uint64_t{c[half + 1]} << 32 | c[half];
      // 64 x 64 -> 128 bits by halves.
      const std::uint64_t a0 = low_word(bits), a1 = bits >> 32;
      const std::uint64_t b0 = low_word(bound), b1 = bound >> 32;
      const std::uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
      const std::uint64_t carry = a0 * b1 + low_word(middle);
      high = a1 * b1 + (middle >> 32) + (carry >> 32);
      const std::uint64_t low = carry << 32 | low_word(a0 * b0);
      if (low >= unfair) return high;
    }
  }
  return high;
}

}  // namespace ingrad::kernels
