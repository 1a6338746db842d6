// SPDX-License-Identifier: Apache-2.0
#include "kernels/loss.h"

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

using LossIsa = testing::EveryIsa;

template <class T>
void expect_matches_reference(bool weighted, double smoothing) {
  const std::int64_t shapes[][3] = {
      {3, 200, 1}, {2, 500, 1},  {3, 1000, 1}, {2, 2100, 1}, {1, 9001, 1}, {1, 1, 1}, {5, 10, 1},
      {3, 37, 1},  {2, 1100, 1}, {2, 7, 5},    {3, 4, 37},   {0, 3, 1},    {2, 3, 0}};
  for (const auto& s : shapes) {
    const auto lines = static_cast<std::size_t>(s[0] * s[2]);
    const auto size = static_cast<std::size_t>(s[1]) * lines;
    const std::vector<T> x = random_values<T>(size, 1, -8, 8), g = random_values<T>(lines, 2);
    const std::vector<T> w = random_values<T>(static_cast<std::size_t>(s[1]), 3, 0.2, 2);
    std::vector<std::int64_t> target(lines);
    for (std::size_t i = 0; i < lines; ++i) {
      target[i] = i % 4 == 3 ? -100 : static_cast<std::int64_t>(i * 7) % s[1];
    }
    std::vector<T> expected(lines), whole(lines), split(lines);
    CrossEntropyArgs a{
        x.data(), target.data(), weighted ? w.data() : nullptr, expected.data(), s[0], s[1], s[2],
        -100,     smoothing};
    run_units(cross_entropy, Backend::reference, dtype_of<T>(), a);
    a.loss = whole.data();
    run_units(cross_entropy, Backend::cpu, dtype_of<T>(), a);
    a.loss = split.data();
    run_units(cross_entropy, Backend::cpu, dtype_of<T>(), a, 3);
    EXPECT_LE(difference(whole, expected), 2 * tolerance<T>()) << s[1] << " " << s[2];
    EXPECT_EQ(kernels::testing::compare_bytes(whole.data(), split.data(), lines * sizeof(T)), 0);

    std::vector<T> dx0(size), dx1(size), dx2 = x;
    CrossEntropyGradArgs b{x.data(), target.data(), a.weight, g.data(), dx0.data(),
                           s[0],     s[1],          s[2],     -100,     smoothing};
    run_units(cross_entropy_grad, Backend::reference, dtype_of<T>(), b);
    b.dx = dx1.data();
    run_units(cross_entropy_grad, Backend::cpu, dtype_of<T>(), b);
    b.x = dx2.data();  // in place
    b.dx = dx2.data();
    run_units(cross_entropy_grad, Backend::cpu, dtype_of<T>(), b, 3);
    for (std::size_t i = 0; i < size; ++i) {  // probabilities: absolute errors
      ASSERT_NEAR(dx1[i], dx0[i], 2 * tolerance<T>()) << s[1] << " " << s[2];
    }
    EXPECT_EQ(kernels::testing::compare_bytes(dx1.data(), dx2.data(), size * sizeof(T)), 0);
  }
}

TEST_P(LossIsa, MatchesReference) {
  for (const bool weighted : {false, true}) {
    for (const double smoothing : {0.0, 0.15}) {
      expect_matches_reference<float>(weighted, smoothing);
      expect_matches_reference<double>(weighted, smoothing);
    }
  }
}

// An ignored line leaves no trace, not even of NaN.
TEST_P(LossIsa, IgnoredLinesAreZero) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (std::int64_t inner : {1, 2}) {
    const std::vector<float> x(static_cast<std::size_t>(3 * inner), nan);
    const std::vector<float> g(static_cast<std::size_t>(inner), 1);
    const std::vector<std::int64_t> target(static_cast<std::size_t>(inner), 1);
    std::vector<float> loss(g.size(), 9), dx(x.size(), 9);
    CrossEntropyArgs a{x.data(), target.data(), nullptr, loss.data(), 1, 3, inner, 1, 0.1};
    run_units(cross_entropy, Backend::cpu, DType::f32, a);
    EXPECT_EQ(loss, std::vector<float>(loss.size(), 0));
    CrossEntropyGradArgs b{x.data(), target.data(), nullptr, g.data(), dx.data(), 1,
                           3,        inner,         1,       0.1};
    run_units(cross_entropy_grad, Backend::cpu, DType::f32, b);
    EXPECT_EQ(dx, std::vector<float>(dx.size(), 0));
  }
}

TEST_P(LossIsa, LargeLogits) {
  const std::vector<float> x{1000, -1000, 0, 500, 501, 502};
  const std::vector<std::int64_t> target{1, 2};
  std::vector<float> loss(2);
  run_units(cross_entropy, Backend::cpu, DType::f32,
            CrossEntropyArgs{x.data(), target.data(), nullptr, loss.data(), 2, 3, 1, -100, 0});
  EXPECT_EQ(loss[0], 2000);
  EXPECT_NEAR(loss[1], 0.40760596F, 1e-6F);
}

INSTANTIATE_TEST_SUITE_P(Isa, LossIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
