// SPDX-License-Identifier: Apache-2.0
#include "kernels/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::difference;
using testing::dtype_of;
using testing::random_values;
using testing::run_units;
using testing::tolerance;

using SoftmaxIsa = testing::EveryIsa;

// Long lines are of every kind that device kernels tell apart (kernels/cuda/lines.cuh).
constexpr std::int64_t kShapes[][3] = {{3, 200, 1},  {2, 500, 1}, {3, 1000, 1}, {2, 1500, 1},
                                       {1, 9001, 1}, {1, 1, 1},   {5, 10, 1},   {3, 33, 1},
                                       {2, 2100, 1}, {2, 7, 5},   {3, 10, 100}, {1, 3, 17},
                                       {4, 0, 3},    {0, 4, 1},   {7, 1, 2}};

template <class T>
void expect_matches_reference(bool log) {
  for (const auto& s : kShapes) {
    const auto size = static_cast<std::size_t>(s[0] * s[1] * s[2]);
    const std::vector<T> x = random_values<T>(size, 1, -30, 30), dy = random_values<T>(size, 2);
    std::vector<T> expected(size), whole(size), split(size);
    SoftmaxArgs a{x.data(), expected.data(), s[0], s[1], s[2], log};
    run_units(softmax, Backend::reference, dtype_of<T>(), a);
    a.y = whole.data();
    run_units(softmax, Backend::cpu, dtype_of<T>(), a);
    a.y = split.data();
    run_units(softmax, Backend::cpu, dtype_of<T>(), a, 3);
    EXPECT_LE(difference(whole, expected), tolerance<T>()) << s[1] << " " << s[2];
    EXPECT_EQ(kernels::testing::compare_bytes(whole.data(), split.data(), size * sizeof(T)), 0);

    const std::vector<T> y = expected;
    SoftmaxGradArgs g{y.data(), dy.data(), expected.data(), s[0], s[1], s[2], log};
    run_units(softmax_grad, Backend::reference, dtype_of<T>(), g);
    g.dx = whole.data();
    run_units(softmax_grad, Backend::cpu, dtype_of<T>(), g);
    split = dy;
    g.dy = split.data();  // in place
    g.dx = split.data();
    run_units(softmax_grad, Backend::cpu, dtype_of<T>(), g, 3);
    EXPECT_LE(difference(whole, expected), 4 * tolerance<T>()) << s[1] << " " << s[2];
    EXPECT_EQ(kernels::testing::compare_bytes(whole.data(), split.data(), size * sizeof(T)), 0);
  }
}

TEST_P(SoftmaxIsa, MatchesReference) {
  for (const bool log : {false, true}) {
    expect_matches_reference<float>(log);
    expect_matches_reference<double>(log);
  }
}

// A row has the same bits alone and among others.
TEST_P(SoftmaxIsa, RowsDoNotDependOnTheirNeighbours) {
  for (std::int64_t inner : {1, 6}) {
    const std::int64_t n = 11, rows = 9, line = n * inner;
    const std::vector<float> x = random_values<float>(static_cast<std::size_t>(rows * line), 3);
    std::vector<float> all(x.size()), one(static_cast<std::size_t>(line));
    run_units(softmax, Backend::cpu, DType::f32,
              SoftmaxArgs{x.data(), all.data(), rows, n, inner, false});
    for (std::int64_t r = 0; r < rows; ++r) {
      run_units(softmax, Backend::cpu, DType::f32,
                SoftmaxArgs{x.data() + r * line, one.data(), 1, n, inner, false});
      EXPECT_EQ(kernels::testing::compare_bytes(one.data(), all.data() + r * line,
                                                one.size() * sizeof(float)),
                0);
    }
  }
}

TEST_P(SoftmaxIsa, ExtremeLines) {
  const float inf = INFINITY, nan = std::numeric_limits<float>::quiet_NaN();
  for (std::int64_t inner : {1, 2}) {
    const auto line = [&](std::vector<float> v, bool log) {
      std::vector<float> x, y(3 * static_cast<std::size_t>(inner));
      for (float e : v) x.insert(x.end(), static_cast<std::size_t>(inner), e);
      run_units(softmax, Backend::cpu, DType::f32,
                SoftmaxArgs{x.data(), y.data(), 1, 3, inner, log});
      std::vector<float> first;
      for (std::size_t i = 0; i < 3; ++i) first.push_back(y[i * static_cast<std::size_t>(inner)]);
      return first;
    };
    EXPECT_EQ(line({1e30F, 1e30F, -1e30F}, false), (std::vector<float>{0.5F, 0.5F, 0}));
    EXPECT_EQ(line({0, -inf, -inf}, false), (std::vector<float>{1, 0, 0}));
    EXPECT_EQ(line({0, -inf, -inf}, true), (std::vector<float>{0, -inf, -inf}));
    EXPECT_EQ(line({0, -200, 0}, true)[1], -200 - std::log(2.0F));
    for (float v : line({1, nan, 2}, false)) EXPECT_TRUE(std::isnan(v));
    for (float v : line({1, nan, 2}, true)) EXPECT_TRUE(std::isnan(v));
    for (float v : line({-inf, -inf, -inf}, false)) EXPECT_TRUE(std::isnan(v));
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, SoftmaxIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
