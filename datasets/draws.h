// SPDX-License-Identifier: Apache-2.0
// Random draws for one sample: a sequence that is a function of (seed, purpose, sample,
// repetition), so that no sample's values depend on how many others were made before it, or by
// which thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/philox.h"

namespace ingrad {

class Draws {
 public:
  // `purpose` keeps sequences for different uses of one seed apart ("shuffle", "crop", ...).
  Draws(std::uint64_t seed, std::string_view purpose, std::uint64_t sample = 0,
        std::uint64_t repetition = 0)
      : key_(kernels::philox_key({seed, hash(purpose), 0, repetition})), sample_(sample) {}

  // Uniform in [0, 1), with 32 bits.
  double uniform() { return next_word() * 0x1p-32; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // Unbiased in [0, bound), bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    return kernels::random_below(key_, sample_, kIntegers + integers_++, bound);
  }
  std::uint32_t next_word() {
    if (used_ == 4) {
      words_ = kernels::philox_block(key_, sample_, block_++);
      used_ = 0;
    }
    return words_[used_++];
  }

  // A permutation of 0 ... count - 1.
  std::vector<std::int64_t> permutation(std::int64_t count) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i)]);
    return order;
  }

 private:
  // Integers take blocks of their own, far beyond those of the words.
  static constexpr std::uint64_t kIntegers = std::uint64_t{1} << 48;

  // FNV-1a.
  static constexpr std::uint64_t hash(std::string_view text) {
    std::uint64_t h = 14695981039346656037u;
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return h;
  }

  kernels::PhiloxKey key_;
  std::uint64_t sample_;
  std::uint64_t block_ = 0, integers_ = 0;
  kernels::PhiloxCounter words_{};
  std::size_t used_ = 4;
};

}  // namespace ingrad
