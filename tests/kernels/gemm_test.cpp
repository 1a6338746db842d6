// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::difference;
using testing::dtype_of;
using testing::random_values;
using testing::run_units;
using testing::tolerance;

using GemmIsa = testing::EveryIsa;

// How a matrix of (rows, columns) lies in memory.
enum class Layout { row_major, column_major, padded_rows, both_strided, reversed };
constexpr Layout kLayouts[] = {Layout::row_major, Layout::column_major, Layout::padded_rows,
                               Layout::both_strided, Layout::reversed};

struct Strides {
  std::int64_t row, column, first, size;
};

Strides lay_out(Layout layout, std::int64_t rows, std::int64_t columns) {
  switch (layout) {
    case Layout::row_major: return {columns, 1, 0, rows * columns};
    case Layout::column_major: return {1, rows, 0, rows * columns};
    case Layout::padded_rows: return {columns + 3, 1, 0, rows * (columns + 3)};
    case Layout::both_strided: return {3 * columns + 1, 3, 0, rows * (3 * columns + 1)};
    default: return {-columns, 1, (rows - 1) * columns, rows * columns};
  }
}

template <class T>
struct Problem {
  Problem(std::int64_t m, std::int64_t n, std::int64_t k, Layout la, Layout lb, unsigned seed) {
    const Strides sa = lay_out(la, m, k), sb = lay_out(lb, k, n);
    a = random_values<T>(static_cast<std::size_t>(sa.size), seed);
    b = random_values<T>(static_cast<std::size_t>(sb.size), seed + 1);
    bias = random_values<T>(static_cast<std::size_t>(n), seed + 2);
    c = random_values<T>(static_cast<std::size_t>(m * (n + 1)), seed + 3);
    args.a = a.data() + (k > 0 && m > 0 ? sa.first : 0);
    args.b = b.data() + (k > 0 && n > 0 ? sb.first : 0);
    args.m = m, args.n = n, args.k = k;
    args.a_row = sa.row, args.a_col = sa.column;
    args.b_row = sb.row, args.b_col = sb.column;
    args.c_row = n + 1;  // the last column must stay as it is
  }

  std::vector<T> run(Backend backend, std::int64_t step = 0) {
    std::vector<T> out = c;
    args.c = out.data();
    run_units(gemm, backend, dtype_of<T>(), args, step);
    return out;
  }

  std::vector<T> a, b, bias, c;
  GemmArgs args;
};

constexpr std::int64_t kSizes[][3] = {{1, 1, 1},     {0, 5, 3},    {5, 0, 3},     {4, 7, 0},
                                      {1, 70, 33},   {2, 300, 17}, {7, 33, 5},    {12, 32, 40},
                                      {13, 31, 9},   {49, 65, 24}, {25, 257, 70}, {61, 10, 390},
                                      {50, 40, 1000}};

template <class T>
void expect_all_layouts_match() {
  for (const auto& s : kSizes) {
    for (const Layout la : kLayouts) {
      for (const Layout lb : kLayouts) {
        Problem<T> p(s[0], s[1], s[2], la, lb, 1);
        // Packed beforehand, B gives the same bits.
        std::vector<std::byte> panels(
            static_cast<std::size_t>(packed_bytes(p.args, dtype_of<T>())) + 64);
        void* aligned = panels.data();
        std::size_t room = panels.size();
        std::align(64, room - 64, aligned, room);
        pack(p.args, dtype_of<T>(), aligned);
        const auto gate = testing::random_bits(p.c.size(), 9);
        const auto more = random_values<T>(p.c.size(), 10);
        for (int variant = 0; variant < 5; ++variant) {
          p.args.gate = variant == 3 ? gate.data() : nullptr;
          p.args.factor = variant == 4 ? more.data() : nullptr;
          p.args.residual = variant == 2 || variant == 3 ? more.data() : nullptr;
          p.args.bias = variant > 0 ? p.bias.data() : nullptr;
          p.args.accumulate = variant == 1;
          p.args.activation = variant == 2 ? Activation::relu : Activation::none;
          const double difference_found =
              difference(p.run(Backend::cpu), p.run(Backend::reference));
          ASSERT_LE(difference_found, tolerance<T>() * 2)
              << s[0] << "x" << s[1] << "x" << s[2] << " layouts " << static_cast<int>(la) << " "
              << static_cast<int>(lb) << " variant " << variant;
          const std::vector<T> once = p.run(Backend::cpu);
          p.args.panels = aligned;
          EXPECT_EQ(p.run(Backend::cpu), once);
          EXPECT_EQ(p.run(Backend::cpu, 1), once);
          p.args.panels = nullptr;
        }
      }
    }
  }
}

TEST_P(GemmIsa, MatchesReference) {
  expect_all_layouts_match<float>();
  expect_all_layouts_match<double>();
}

template <class T>
void expect_smooth_activations_match() {
  for (const auto& s : kSizes) {
    Problem<T> p(s[0], s[1], s[2], Layout::row_major, Layout::column_major, 1);
    // Sums of about 1, as layers give: the rounding of large ones would count several times.
    for (T& x : p.a) x /= static_cast<T>(std::sqrt(std::max<double>(1, static_cast<double>(s[2]))));
    const auto more = random_values<T>(p.c.size(), 10);
    p.args.residual = more.data();
    p.args.bias = p.bias.data();
    for (const Activation f : {Activation::gelu, Activation::gelu_tanh, Activation::silu,
                               Activation::sigmoid, Activation::tanh}) {
      p.args.activation = f;
      // Values and slopes, as one.
      const auto run = [&](Backend backend, std::int64_t step) {
        std::vector<T> slope = p.c;
        p.args.slope = slope.data();
        std::vector<T> both = p.run(backend, step);
        both.insert(both.end(), slope.begin(), slope.end());
        return both;
      };
      const std::vector<T> once = run(Backend::cpu, 0);
      EXPECT_LE(difference(once, run(Backend::reference, 0)), tolerance<T>() * 2)
          << s[0] << "x" << s[1] << "x" << s[2] << " activation " << static_cast<int>(f);
      EXPECT_EQ(run(Backend::cpu, 1), once);
      p.args.slope = nullptr;
      const std::vector<T> values = p.run(Backend::cpu);
      EXPECT_TRUE(std::equal(values.begin(), values.end(), once.begin()));
    }
  }
}

TEST_P(GemmIsa, EndsWithSmoothActivationsAndTheirSlopes) {
  expect_smooth_activations_match<float>();
  expect_smooth_activations_match<double>();
}

TEST(Gemm, IntegersMatchReferenceAndWrap) {
  for (const auto& s : kSizes) {
    Problem<std::int64_t> p(s[0], s[1], s[2], Layout::row_major, Layout::column_major, 1);
    for (std::int64_t& x : p.a) x = static_cast<std::int64_t>(0x7000000000000001);
    for (std::size_t i = 0; i < p.b.size(); ++i) p.b[i] = static_cast<std::int64_t>(i) - 7;
    p.args.bias = p.bias.data();
    EXPECT_EQ(p.run(Backend::cpu), p.run(Backend::reference));
    p.args.accumulate = true;
    EXPECT_EQ(p.run(Backend::cpu, 1), p.run(Backend::reference, 1));
  }
}

template <class T>
void expect_batches_match() {
  constexpr std::int64_t m = 14, n = 37, k = 19, batch = 3;
  const auto a = random_values<T>(m * k * 2, 1), b = random_values<T>(k * n * 3, 2);
  const std::int64_t a_offset[] = {m * k, 0, m * k}, b_offset[] = {0, 2 * k * n, k * n};
  const std::int64_t c_offset[] = {2 * m * n, m * n, 0};
  GemmArgs g;
  g.a = a.data(), g.b = b.data();
  g.m = m, g.n = n, g.k = k, g.batch = batch;
  g.a_row = k, g.b_row = n, g.c_row = n;
  g.a_offset = a_offset, g.b_offset = b_offset, g.c_offset = c_offset;
  std::vector<T> expected(m * n * batch), got = expected, apart = expected;
  g.c = expected.data();
  run_units(gemm, Backend::reference, dtype_of<T>(), g);
  g.c = got.data();
  run_units(gemm, Backend::cpu, dtype_of<T>(), g);
  g.c = apart.data();
  run_units(gemm, Backend::cpu, dtype_of<T>(), g, 1);
  EXPECT_LE(difference(got, expected), tolerance<T>());
  EXPECT_EQ(kernels::testing::compare_bytes(got.data(), apart.data(), got.size() * sizeof(T)), 0);
}

TEST_P(GemmIsa, BatchOffsetsSelectOperands) {
  expect_batches_match<float>();
  expect_batches_match<double>();
}

template <class T>
void expect_split_has_no_effect() {
  for (const auto& s : kSizes) {
    for (const Layout lb : {Layout::row_major, Layout::column_major}) {
      Problem<T> p(s[0], s[1], s[2], Layout::row_major, lb, 5);
      p.args.bias = p.bias.data();
      const std::vector<T> whole = p.run(Backend::cpu);
      for (const std::int64_t step : {1, 2, 5}) {
        const std::vector<T> split = p.run(Backend::cpu, step);
        ASSERT_EQ(
            kernels::testing::compare_bytes(whole.data(), split.data(), whole.size() * sizeof(T)),
            0)
            << s[0] << "x" << s[1] << "x" << s[2] << " step " << step;
      }
    }
  }
}

TEST_P(GemmIsa, SplittingTheWorkChangesNoBit) {
  expect_split_has_no_effect<float>();
  expect_split_has_no_effect<double>();
}

// The element computed alone, or within any smaller product, has the bits it has within the whole.
template <class T>
void expect_position_has_no_effect() {
  constexpr std::int64_t m = 53, n = 75, k = 401;
  for (const Layout lb : {Layout::row_major, Layout::column_major}) {
    Problem<T> p(m, n, k, Layout::row_major, lb, 9);
    const std::vector<T> whole = p.run(Backend::cpu);
    const GemmArgs full = p.args;
    for (const auto& part : {std::array<std::int64_t, 4>{0, 0, 1, n},
                             {17, 3, 1, 1},
                             {5, 40, 8, 35},
                             {52, 0, 1, 33},
                             {20, 74, 33, 1},
                             {17, 0, 20, n},
                             {1, 1, 52, 74}}) {
#ifdef INGRAD_TEST_DEVICE
      if (part[3] < n) continue;  // there a promise of rows alone
#endif
      GemmArgs g = full;
      g.m = part[2], g.n = part[3], g.c_row = part[3] == n ? full.c_row : part[3];
      std::vector<T> out(static_cast<std::size_t>(g.m * g.c_row));
      g.a = static_cast<const T*>(full.a) + part[0] * full.a_row;
      g.b = static_cast<const T*>(full.b) + part[1] * full.b_col;
      g.c = out.data();
      run_units(gemm, Backend::cpu, dtype_of<T>(), g);
      for (std::int64_t i = 0; i < g.m; ++i) {
        for (std::int64_t j = 0; j < g.n; ++j) {
          ASSERT_EQ(out[static_cast<std::size_t>(i * g.c_row + j)],
                    whole[static_cast<std::size_t>((part[0] + i) * (n + 1) + part[1] + j)]);
        }
      }
    }
  }
}

TEST_P(GemmIsa, ElementsDoNotDependOnSizeOrPosition) {
  expect_position_has_no_effect<float>();
  expect_position_has_no_effect<double>();
}

TEST_P(GemmIsa, ReluKeepsNaN) {
  Problem<float> p(3, 5, 2, Layout::row_major, Layout::row_major, 1);
  p.a[2] = NAN;  // row 1
  p.args.activation = Activation::relu;
  const std::vector<float> out = p.run(Backend::cpu);
  for (std::size_t j = 0; j < 5; ++j) {
    EXPECT_TRUE(std::isnan(out[6 + j]));
    EXPECT_GE(out[j], 0.0f);
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, GemmIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
