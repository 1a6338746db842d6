// SPDX-License-Identifier: Apache-2.0
#include "kernels/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::dtype_of;
using testing::run_units;

using RandomIsa = testing::EveryIsa;

constexpr RandomKey kKey{.seed = 0x123456789abcdefull, .stream = 7, .sample = 3, .draw = 11};

// The known answers that Random123 publishes (examples/kat_vectors, philox4x32 10).
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, EveryPartOfTheKeyMatters) {
  const auto block = [](RandomKey k) { return philox_block(philox_key(k), k.sample, 5); };
  const PhiloxCounter base = block(kKey);
  for (const std::uint64_t bit : {std::uint64_t{1}, std::uint64_t{1} << 40}) {
    RandomKey k = kKey;
    k.seed ^= bit;
    EXPECT_NE(block(k), base);
    k = kKey;
    k.stream ^= bit;
    EXPECT_NE(block(k), base);
    k = kKey;
    k.sample ^= bit;
    EXPECT_NE(block(k), base);
    k = kKey;
    k.draw ^= bit;
    EXPECT_NE(block(k), base);
  }
}

template <class T>
std::vector<T> filled(const Family<RandomArgs>& family, Backend backend, std::int64_t rows,
                      std::int64_t count, double a, double b, std::int64_t step = 0,
                      RandomKey key = kKey, DType dtype = dtype_of<T>()) {
  std::vector<T> v(static_cast<std::size_t>(rows * count), T(9));
  run_units(family, backend, dtype, RandomArgs{v.data(), rows, count, key, a, b}, step);
  return v;
}

constexpr std::int64_t kCounts[] = {0, 1, 2, 3, 31, 64, 65, 1000, 1024, 2100};

TEST_P(RandomIsa, UniformsHaveTheDefinedBits) {
  for (const std::int64_t n : kCounts) {
    for (const std::int64_t step : {0, 1}) {
      EXPECT_EQ(filled<float>(random_uniform, Backend::cpu, 3, n, -1, 2, step),
                filled<float>(random_uniform, Backend::reference, 3, n, -1, 2));
      EXPECT_EQ(filled<double>(random_uniform, Backend::cpu, 3, n, -1, 2, step),
                filled<double>(random_uniform, Backend::reference, 3, n, -1, 2));
    }
  }
}

TEST_P(RandomIsa, CoinsHaveTheDefinedBits) {
  for (const double p : {0.0, 0.3, 1.0}) {
    for (const std::int64_t n : kCounts) {
      const auto f32 = filled<float>(random_bernoulli, Backend::cpu, 2, n, p, 0, 1);
      EXPECT_EQ(f32, filled<float>(random_bernoulli, Backend::reference, 2, n, p, 0));
      const auto u8 = filled<std::uint8_t>(random_bernoulli, Backend::cpu, 2, n, p, 0, 1);
      EXPECT_EQ(u8, filled<std::uint8_t>(random_bernoulli, Backend::reference, 2, n, p, 0));
      const auto i64 = filled<std::int64_t>(random_bernoulli, Backend::cpu, 2, n, p, 0);
      EXPECT_EQ(i64, filled<std::int64_t>(random_bernoulli, Backend::reference, 2, n, p, 0));
      const auto coins =
          filled<std::uint8_t>(random_bernoulli, Backend::cpu, 2, n, p, 0, 0, kKey, DType::boolean);
      EXPECT_EQ(coins, u8);
      for (std::size_t i = 0; i < f32.size(); ++i) EXPECT_EQ(f32[i], static_cast<float>(u8[i]));
      if (p == 0 || p == 1) {
        EXPECT_EQ(std::accumulate(u8.begin(), u8.end(), 0), static_cast<int>(p) * 2 * n);
      }
    }
  }
}

// Normals come from the project's own logarithm and sine: close to the C library's, and the same
// bits on every instruction set.
TEST_P(RandomIsa, NormalsAreAccurateAndPortable) {
  for (const std::int64_t n : kCounts) {
    const auto f64 = filled<double>(random_normal, Backend::cpu, 3, n, 0.5, 2, 1);
    const auto expected = filled<double>(random_normal, Backend::reference, 3, n, 0.5, 2);
    for (std::size_t i = 0; i < f64.size(); ++i) EXPECT_NEAR(f64[i], expected[i], 2e-14) << i;
    const auto f32 = filled<float>(random_normal, Backend::cpu, 3, n, 0.5, 2, 1);
    const auto close = filled<float>(random_normal, Backend::reference, 3, n, 0.5, 2);
    for (std::size_t i = 0; i < f32.size(); ++i) {
      EXPECT_NEAR(f32[i], close[i], 1.2e-7 * std::max(1.0f, std::fabs(close[i]))) << i;
    }
    ASSERT_TRUE(force_isa("auto"));
    EXPECT_EQ(f64, filled<double>(random_normal, Backend::cpu, 3, n, 0.5, 2));
    EXPECT_EQ(f32, filled<float>(random_normal, Backend::cpu, 3, n, 0.5, 2));
    ASSERT_TRUE(force_isa(GetParam()));
  }
}

TEST_P(RandomIsa, RowsAreTheirSamples) {
  const auto rows = filled<float>(random_normal, Backend::cpu, 4, 100, 0, 1);
  RandomKey key = kKey;
  key.sample += 2;
  const auto third = filled<float>(random_normal, Backend::cpu, 1, 100, 0, 1, 0, key);
  EXPECT_TRUE(std::equal(third.begin(), third.end(), rows.begin() + 200));
}

template <class T>
void check_dropout(double p) {
  const auto x = testing::random_values<T>(2 * 1500, 4);
  std::vector<T> y(x.size()), expected(x.size());
  run_units(dropout, Backend::cpu, dtype_of<T>(), DropoutArgs{x.data(), y.data(), 2, 1500, kKey, p},
            1);
  run_units(dropout, Backend::reference, dtype_of<T>(),
            DropoutArgs{x.data(), expected.data(), 2, 1500, kKey, p});
  std::size_t kept = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(y[i] == 0, expected[i] == 0);
    EXPECT_NEAR(y[i], expected[i], 1e-6);
    kept += y[i] != 0;
  }
  EXPECT_NEAR(static_cast<double>(kept), 3000 * (1 - p), 150);
}

TEST_P(RandomIsa, DropoutKeepsAndScales) {
  for (const double p : {0.0, 0.25, 0.5, 1.0}) {
    check_dropout<float>(p);
    check_dropout<double>(p);
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, RandomIsa, ::testing::ValuesIn(testing::isa_names()));

TEST(Random, MomentsAreRight) {
  constexpr std::int64_t kMany = 1 << 18;
  const auto u = filled<double>(random_uniform, Backend::cpu, 1, kMany, 0, 1);
  const auto z = filled<float>(random_normal, Backend::cpu, 1, kMany, 0, 1);
  double mean = 0, square = 0, m1 = 0, m2 = 0, m4 = 0, neighbours = 0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    ASSERT_GE(u[i], 0);
    ASSERT_LT(u[i], 1);
    mean += u[i];
    square += u[i] * u[i];
    m1 += z[i];
    m2 += z[i] * z[i];
    m4 += std::pow(z[i], 4.0);
    if (i > 0) neighbours += z[i] * z[i - 1];
  }
  // Five standard errors.
  const double n = static_cast<double>(kMany), root = std::sqrt(n);
  EXPECT_NEAR(mean / n, 0.5, 5 * 0.289 / root);
  EXPECT_NEAR(square / n, 1.0 / 3, 5 * 0.298 / root);
  EXPECT_NEAR(m1 / n, 0, 5 / root);
  EXPECT_NEAR(m2 / n, 1, 5 * 1.415 / root);
  EXPECT_NEAR(m4 / n, 3, 5 * 9.8 / root);
  EXPECT_NEAR(neighbours / n, 0, 5 / root);
}

TEST(Random, IntegersAreUnbiasedAndReachTheEnds) {
  std::vector<std::int64_t> v(60000);
  run_units(random_integers, Backend::cpu, DType::i64,
            RandomIntegerArgs{v.data(), 2, 30000, kKey, -3, 6});
  std::array<int, 6> count{};
  for (const std::int64_t x : v) {
    ASSERT_GE(x, -3);
    ASSERT_LE(x, 2);
    ++count[static_cast<std::size_t>(x + 3)];
  }
  for (const int c : count) EXPECT_NEAR(c, 10000, 5 * 92);
  // A bound of 3/4 of 2^64 rejects every fourth attempt: the mean stays in the middle.
  const std::uint64_t bound = 3ull << 62;
  double sum = 0;
  const PhiloxKey key = philox_key(kKey);
  for (std::uint64_t e = 0; e < 20000; ++e) {
    const std::uint64_t x = random_below(key, 0, e, bound);
    ASSERT_LT(x, bound);
    sum += static_cast<double>(x) / static_cast<double>(bound);
  }
  EXPECT_NEAR(sum / 20000, 0.5, 5 * 0.289 / std::sqrt(20000.0));
  // The full range: low wraps around.
  std::vector<std::int64_t> wide(100);
  run_units(random_integers, Backend::cpu, DType::i64,
            RandomIntegerArgs{wide.data(), 1, 100, kKey, INT64_MIN, ~0ull});
  EXPECT_TRUE(std::any_of(wide.begin(), wide.end(), [](std::int64_t x) { return x > 0; }));
  EXPECT_TRUE(std::any_of(wide.begin(), wide.end(), [](std::int64_t x) { return x < 0; }));
}

TEST(Random, PermutationsAreUniform) {
  std::vector<std::int64_t> p(24000 * 3);
  run_units(random_permutation, Backend::cpu, DType::i64,
            RandomIntegerArgs{p.data(), 24000, 3, kKey}, 1000);
  std::array<int, 27> count{};
  for (std::size_t r = 0; r < 24000; ++r) {
    ++count[static_cast<std::size_t>(9 * p[3 * r] + 3 * p[3 * r + 1] + p[3 * r + 2])];
  }
  int kinds = 0;
  for (const int c : count) {
    if (c == 0) continue;
    ++kinds;
    EXPECT_NEAR(c, 4000, 5 * 58);
  }
  EXPECT_EQ(kinds, 6);
}

}  // namespace
}  // namespace ingrad::kernels
