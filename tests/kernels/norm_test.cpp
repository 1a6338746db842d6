// SPDX-License-Identifier: Apache-2.0
#include "kernels/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::difference;
using testing::dtype_of;
using testing::random_values;
using testing::run_units;
using testing::tolerance;

using NormIsa = testing::EveryIsa;

// rows, groups, channels, spatial
constexpr std::int64_t kRowShapes[][4] = {
    {2, 1, 200, 1}, {2, 1, 500, 1}, {3, 1, 1000, 1}, {2, 1, 2100, 1}, {1, 1, 9001, 1},
    {1, 1, 1, 1},   {5, 1, 33, 1},  {3, 1, 1500, 1}, {6, 3, 2, 25},   {4, 2, 1, 49},
    {6, 2, 4, 3},   {0, 1, 4, 1},   {3, 1, 0, 1}};

template <class T>
void expect_rows_match(bool centred, bool affine) {
  for (const auto& s : kRowShapes) {
    const auto rows = static_cast<std::size_t>(s[0]);
    const auto size = static_cast<std::size_t>(s[0] * s[2] * s[3]);
    const auto parameters = static_cast<std::size_t>(s[1] * s[2]);
    const std::vector<T> x = random_values<T>(size, 1, 2, 5), dy = random_values<T>(size, 2);
    const std::vector<T> w = random_values<T>(parameters, 3), b = random_values<T>(parameters, 4);
    std::vector<T> y0(size), y1(size), y2(size), mean0(rows), mean1(rows), rstd0(rows), rstd1(rows);
    RowNormArgs a;
    a.x = x.data();
    a.weight = affine ? w.data() : nullptr;
    a.bias = affine ? b.data() : nullptr;
    a.rows = s[0], a.groups = s[1], a.channels = s[2], a.spatial = s[3];
    a.epsilon = 1e-5;
    a.centred = centred;
    a.y = y0.data(), a.mean = mean0.data(), a.rstd = rstd0.data();
    run_units(row_norm, Backend::reference, dtype_of<T>(), a);
    a.y = y1.data(), a.mean = mean1.data(), a.rstd = rstd1.data();
    run_units(row_norm, Backend::cpu, dtype_of<T>(), a);
    a.y = y2.data(), a.mean = nullptr, a.rstd = nullptr;
    run_units(row_norm, Backend::cpu, dtype_of<T>(), a, 1);
    EXPECT_LE(difference(y1, y0), 10 * tolerance<T>()) << s[2] << " " << s[3];
    EXPECT_EQ(kernels::testing::compare_bytes(y1.data(), y2.data(), size * sizeof(T)), 0);
    if (s[2] > 0) {
      EXPECT_LE(difference(mean1, mean0), tolerance<T>());
      EXPECT_LE(difference(rstd1, rstd0), 10 * tolerance<T>());
    }

    RowNormGradArgs g;
    g.x = x.data(), g.dy = dy.data(), g.rstd = rstd0.data();
    g.mean = centred ? mean0.data() : nullptr;
    g.weight = a.weight;
    g.rows = s[0], g.groups = s[1], g.channels = s[2], g.spatial = s[3];
    g.centred = centred;
    g.dx = y0.data();
    run_units(row_norm_grad, Backend::reference, dtype_of<T>(), g);
    g.dx = y1.data();
    run_units(row_norm_grad, Backend::cpu, dtype_of<T>(), g);
    g.dx = y2.data();
    run_units(row_norm_grad, Backend::cpu, dtype_of<T>(), g, 1);
    // Relative to rstd * g: what is left after subtracting the projections may be nothing at all.
    double largest = 1;
    for (T v : rstd0) largest = std::max(largest, static_cast<double>(v));
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_NEAR(y1[i], y0[i], 2 * tolerance<T>() * largest) << s[2] << " " << s[3];
    }
    EXPECT_EQ(kernels::testing::compare_bytes(y1.data(), y2.data(), size * sizeof(T)), 0);
  }
}

TEST_P(NormIsa, RowsMatchReference) {
  for (const bool centred : {false, true}) {
    for (const bool affine : {false, true}) {
      expect_rows_match<float>(centred, affine);
      expect_rows_match<double>(centred, affine);
    }
  }
}

// The mean is 10^4 times the deviation: a one-pass variance would lose every digit.
TEST_P(NormIsa, VarianceSurvivesALargeMean) {
  const std::size_t n = 4096;
  std::vector<float> x = random_values<float>(n, 5), y(n);
  for (float& v : x) v += 10000;
  double mean = 0, variance = 0;
  for (float v : x) mean += v / static_cast<double>(n);
  for (float v : x) variance += (v - mean) * (v - mean) / static_cast<double>(n);
  std::vector<float> rstd(1);
  RowNormArgs a;
  a.x = x.data(), a.y = y.data(), a.rstd = rstd.data();
  a.rows = 1, a.channels = static_cast<std::int64_t>(n);
  run_units(row_norm, Backend::cpu, DType::f32, a);
  EXPECT_NEAR(rstd[0], 1 / std::sqrt(variance), 1e-5 * rstd[0]);
}

template <class T>
void expect_affine_matches() {
  const std::int64_t shapes[][3] = {{1, 1, 1}, {3, 5, 1}, {4, 37, 1}, {2, 3, 49},
                                    {2, 3, 5}, {0, 3, 2}, {2, 3, 0}};
  for (const auto& s : shapes) {
    const auto size = static_cast<std::size_t>(s[0] * s[1] * s[2]);
    const auto channels = static_cast<std::size_t>(s[1]);
    const std::vector<T> x = random_values<T>(size, 1), z = random_values<T>(size, 2);
    const std::vector<T> a = random_values<T>(channels, 3), b = random_values<T>(channels, 4),
                         d = random_values<T>(channels, 5);
    for (const bool two : {false, true}) {
      for (const bool shift : {false, true}) {
        std::vector<T> expected(size), whole(size), split(size);
        ChannelAffineArgs args{x.data(),
                               two ? z.data() : nullptr,
                               a.data(),
                               two ? b.data() : nullptr,
                               shift ? d.data() : nullptr,
                               expected.data(),
                               s[0],
                               s[1],
                               s[2]};
        run_units(channel_affine, Backend::reference, dtype_of<T>(), args);
        args.y = whole.data();
        run_units(channel_affine, Backend::cpu, dtype_of<T>(), args);
        split = x;
        args.x = split.data();  // in place
        args.y = split.data();
        run_units(channel_affine, Backend::cpu, dtype_of<T>(), args, 2);
        EXPECT_LE(difference(whole, expected), tolerance<T>());
        EXPECT_EQ(kernels::testing::compare_bytes(whole.data(), split.data(), size * sizeof(T)), 0);
      }
    }
  }
}

TEST_P(NormIsa, ChannelAffineMatchesReference) {
  expect_affine_matches<float>();
  expect_affine_matches<double>();
}

INSTANTIATE_TEST_SUITE_P(Isa, NormIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
