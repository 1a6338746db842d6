// SPDX-License-Identifier: Apache-2.0
// Arrays of random numbers, each element a function of (seed, stream, sample, draw, element): the
// same for any number of rows, threads and instruction set.
#pragma once

#include "kernels/kernel.h"
#include "kernels/philox.h"

namespace ingrad::kernels {

// dst is [rows][count]; row r belongs to sample key.sample + r. Element e takes
//   32-bit draws (f32, coins): word e % 4 of block e / 4;
//   64-bit draws (f64): words 2 (e % 2) and 2 (e % 2) + 1 (the high one) of block e / 2.
struct RandomArgs {
  void* dst = nullptr;
  std::int64_t rows = 1, count = 0;
  RandomKey key;
  double a = 0, b = 1;

  template <class F>
  void for_each_operand(F&& f) {
    f(dst);
  }
};

// Uniform in [a, b), a < b: the top 24 bits (f32) or 53 bits (f64) of a draw, scaled. f32, f64.
extern const Family<RandomArgs> random_uniform;
// Normal of mean a and standard deviation b, by Box and Muller's transform of pairs of uniforms:
// f32 elements 2k and 2k + 1 from the draws of 32 bits 2k and 2k + 1 (computed in double, one
// rounding); f64 elements likewise from draws of 64 bits. |z| is at most 6.67 (f32), 8.58 (f64).
// Logarithm, sine and cosine are polynomials in plain IEEE operations, with absolute error below
// 1e-14: the same bits on every machine. f32, f64.
extern const Family<RandomArgs> random_normal;
// 1 with probability a, else 0, by 32-bit draws below a 2^32. f32, f64, i32, i64, u8, boolean.
extern const Family<RandomArgs> random_bernoulli;

// Unbiased integers in [low, low + range); element e is random_below(e). i32, i64.
struct RandomIntegerArgs {
  void* dst = nullptr;
  std::int64_t rows = 1, count = 0;
  RandomKey key;
  std::int64_t low = 0;
  std::uint64_t range = 1;

  template <class F>
  void for_each_operand(F&& f) {
    f(dst);
  }
};
extern const Family<RandomIntegerArgs> random_integers;

// Each row a permutation of 0 ... count - 1, by Fisher and Yates' shuffle: for e = count - 1 ... 1,
// element e changes places with element random_below(e) of bound e + 1. i64; one unit is one row.
extern const Family<RandomIntegerArgs> random_permutation;

// dst[r][e] = x[r][e] / (1 - p) with probability 1 - p, else 0, by 32-bit draws: the same elements
// for every dtype. f32, f64.
struct DropoutArgs {
  const void* x = nullptr;
  void* dst = nullptr;
  std::int64_t rows = 1, count = 0;
  RandomKey key;
  double p = 0.5;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(dst);
  }
};
extern const Family<DropoutArgs> dropout;

// Work units of all but the permutation: runs of at most kRandomRun elements of a row.
inline constexpr std::int64_t kRandomRun = 1024;
struct RandomBlock {
  std::int64_t row, begin, end;
};
inline RandomBlock random_block(std::int64_t count, std::int64_t unit) {
  const std::int64_t n = (count + kRandomRun - 1) / kRandomRun;
  const std::int64_t begin = unit % n * kRandomRun;
  return {unit / n, begin, begin + kRandomRun < count ? begin + kRandomRun : count};
}
// Draws of 32 bits below this happen with probability p in [0, 1].
inline std::uint64_t coin_threshold(double p) {
  return static_cast<std::uint64_t>(p * 4294967296.0 + 0.5);
}

}  // namespace ingrad::kernels
