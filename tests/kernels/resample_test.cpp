// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::difference;
using testing::dtype_of;
using testing::random_values;
using testing::run_units;
using testing::tolerance;

using ResampleIsa = testing::EveryIsa;

// Rows of 0 to `most` entries, columns in no order and sometimes repeated.
AxisTable random_table(std::int64_t in, std::int64_t out, int most, unsigned seed) {
  std::mt19937 bits(seed);
  AxisTable m;
  m.in = in;
  for (std::int64_t j = 0; j < out; ++j) {
    const int taps = in == 0 ? 0 : static_cast<int>(bits() % static_cast<unsigned>(most + 1));
    for (int t = 0; t < taps; ++t) {
      m.add(static_cast<std::int64_t>(bits() % static_cast<unsigned>(in)),
            static_cast<double>(bits() % 1000) / 250 - 1.9999);
    }
    m.end_row();
  }
  return m;
}

std::vector<double> dense(const AxisTable& m) {
  std::vector<double> a(static_cast<std::size_t>(m.in * m.out), 0.0);
  for (std::int64_t j = 0; j < m.out; ++j) {
    for (std::int64_t t = m.offset[j]; t < m.offset[j + 1]; ++t) {
      a[static_cast<std::size_t>(j * m.in + m.index[t])] += m.weight[t];
    }
  }
  return a;
}

struct Size {
  std::int64_t outer, in, out, inner;
};
constexpr Size kSizes[] = {{1, 1, 1, 1},    {3, 7, 5, 1},   {4, 16, 8, 1},   {9, 5, 2100, 1},
                           {2, 6, 4, 2},    {3, 5, 7, 3},   {2, 4, 9, 17},   {1, 3, 2, 64},
                           {2, 3, 2, 5001}, {0, 4, 3, 2},   {2, 0, 3, 1},    {2, 3, 0, 4},
                           {5, 8, 3, 8},    {6, 300, 1, 1}, {1, 200, 1, 33}, {2, 3, 4, 0}};

template <class T>
void check_against_matrix() {
  unsigned seed = 1;
  for (const Size& s : kSizes) {
    const AxisTable m = random_table(s.in, s.out, 5, ++seed);
    const auto matrix = dense(m);
    const auto src = random_values<T>(static_cast<std::size_t>(s.outer * s.in * s.inner), seed);
    std::vector<T> expected(static_cast<std::size_t>(s.outer * s.out * s.inner));
    for (std::int64_t o = 0; o < s.outer; ++o) {
      for (std::int64_t j = 0; j < s.out; ++j) {
        for (std::int64_t i = 0; i < s.inner; ++i) {
          double sum = 0;
          for (std::int64_t k = 0; k < s.in; ++k) {
            sum += matrix[static_cast<std::size_t>(j * s.in + k)] *
                   static_cast<double>(src[static_cast<std::size_t>((o * s.in + k) * s.inner + i)]);
          }
          expected[static_cast<std::size_t>((o * s.out + j) * s.inner + i)] = static_cast<T>(sum);
        }
      }
    }
    for (const Backend backend : {Backend::reference, Backend::cpu}) {
      std::vector<T> whole(expected.size(), T(9)), pieces(expected.size(), T(8));
      ResampleArgs a{src.data(), whole.data(), &m, s.outer, s.inner};
      run_units(resample, backend, dtype_of<T>(), a);
      EXPECT_LE(difference(whole, expected), 4 * tolerance<T>())
          << s.outer << " " << s.in << " " << s.out << " " << s.inner;
      a.dst = pieces.data();
      run_units(resample, backend, dtype_of<T>(), a, 1);
      EXPECT_EQ(pieces, whole);
    }
  }
}

TEST_P(ResampleIsa, EqualsTheMatrix) {
  check_against_matrix<float>();
  check_against_matrix<double>();
}

// The bits of a row must not depend on how many rows there are.
TEST_P(ResampleIsa, RowsDoNotDependOnTheirNumber) {
  const AxisTable m = random_table(37, 29, 6, 5);
  const auto src = random_values<float>(11 * 37, 3);
  std::vector<float> all(11 * 29), one(29);
  run_units(resample, Backend::cpu, DType::f32, {src.data(), all.data(), &m, 11, 1});
  for (int r = 0; r < 11; ++r) {
    run_units(resample, Backend::cpu, DType::f32, {src.data() + r * 37, one.data(), &m, 1, 1});
    for (int j = 0; j < 29; ++j) EXPECT_EQ(one[j], all[r * 29 + j]) << r;
  }
}

TEST_P(ResampleIsa, InfinityReachesOnlyWhatDependsOnIt) {
  AxisTable m;
  m.in = 2;
  m.add(0, 1);
  m.add(1, 0);
  m.end_row();
  m.add(1, 0.5);
  m.end_row();
  const std::vector<float> src = {3, INFINITY};
  std::vector<float> dst(2);
  run_units(resample, Backend::cpu, DType::f32, {src.data(), dst.data(), &m, 1, 1});
  EXPECT_EQ(dst, (std::vector<float>{3, INFINITY}));
}

INSTANTIATE_TEST_SUITE_P(Isa, ResampleIsa, ::testing::ValuesIn(testing::isa_names()));

TEST(AxisTable, TransposesAndKnowsMoves) {
  const AxisTable m = random_table(6, 9, 4, 77);
  const AxisTable t = m.transposed();
  const auto a = dense(m), b = dense(t);
  for (std::int64_t j = 0; j < 9; ++j) {
    for (std::int64_t k = 0; k < 6; ++k) {
      EXPECT_EQ(a[static_cast<std::size_t>(j * 6 + k)], b[static_cast<std::size_t>(k * 9 + j)]);
    }
  }
  EXPECT_FALSE(m.moves_only());
  AxisTable roll;
  roll.in = 3;
  for (const std::int64_t c : {2, 0, 1}) {
    roll.add(c, 1);
    roll.end_row();
  }
  roll.end_row();
  EXPECT_TRUE(roll.moves_only());
}

template <class T>
void check_moves(DType dtype) {
  AxisTable m;
  m.in = 4;
  for (const std::int64_t c : {3, -1, 0, 3, 1}) {
    if (c >= 0) m.add(c, 1);
    m.end_row();
  }
  for (const std::int64_t inner : {1, 3}) {
    std::vector<T> src(static_cast<std::size_t>(6 * 4 * inner));
    for (std::size_t i = 0; i < src.size(); ++i) src[i] = static_cast<T>(i + 1);
    std::vector<T> a(static_cast<std::size_t>(6 * 5 * inner), T{7}), b(a);
    run_units(resample, Backend::reference, dtype, {src.data(), a.data(), &m, 6, inner});
    run_units(resample, Backend::cpu, dtype, {src.data(), b.data(), &m, 6, inner});
    EXPECT_EQ(a, b) << name_of(dtype);
    EXPECT_EQ(a[0], src[static_cast<std::size_t>(3 * inner)]);
    EXPECT_EQ(a[static_cast<std::size_t>(inner)], T{0});
  }
}

TEST(Resample, MovesElementsOfEveryDType) {
  check_moves<std::uint8_t>(DType::u8);
  check_moves<std::uint8_t>(DType::boolean);
  check_moves<std::uint16_t>(DType::bf16);
  check_moves<std::uint16_t>(DType::f16);
  check_moves<std::int32_t>(DType::i32);
  check_moves<std::int64_t>(DType::i64);
  check_moves<float>(DType::f32);
  check_moves<double>(DType::f64);
}

}  // namespace
}  // namespace ingrad::kernels
