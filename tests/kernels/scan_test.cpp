// SPDX-License-Identifier: Apache-2.0
#include "kernels/scan.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::dtype_of;
using testing::random_values;
using testing::run_units;

template <class T>
void expect_matches_reference(std::int64_t outer, std::int64_t n, std::int64_t inner) {
  const auto size = static_cast<std::size_t>(outer * n * inner);
  const std::vector<T> x = random_values<T>(size, 1, -9, 9);
  for (const bool reverse : {false, true}) {
    std::vector<T> expected(size), whole(size), split(size);
    CumsumArgs a{x.data(), expected.data(), outer, n, inner, reverse};
    run_units(cumsum, Backend::reference, dtype_of<T>(), a);
    a.y = whole.data();
    run_units(cumsum, Backend::cpu, dtype_of<T>(), a);
    a.y = split.data();
    run_units(cumsum, Backend::cpu, dtype_of<T>(), a, 3);
    // A device adds in another order.
    const double tolerance =
        testing::kDevice && std::is_floating_point_v<T> ? 1e-6 * static_cast<double>(sizeof(T) == 4) + 1e-14 : 0;
    EXPECT_LE(testing::difference(whole, expected), tolerance) << outer << " " << n << " " << inner;
    EXPECT_EQ(split, whole);
  }
}

TEST(Cumsum, MatchesReference) {
  const std::int64_t shapes[][3] = {{1, 1, 1}, {3, 7, 1}, {2, 5, 3},  {2, 9, 130},
                                    {4, 1, 6}, {2, 0, 3}, {0, 4, 2}, {1, 1000, 1}};
  for (const auto& s : shapes) {
    expect_matches_reference<float>(s[0], s[1], s[2]);
    expect_matches_reference<double>(s[0], s[1], s[2]);
    expect_matches_reference<std::int64_t>(s[0], s[1], s[2]);
  }
}

TEST(Cumsum, ValuesAndDirection) {
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  std::vector<float> y(6);
  CumsumArgs a{x.data(), y.data(), 1, 3, 2, false};
  run_units(cumsum, Backend::cpu, DType::f32, a);
  EXPECT_EQ(y, (std::vector<float>{1, 2, 4, 6, 9, 12}));
  a.reverse = true;
  run_units(cumsum, Backend::cpu, DType::f32, a);
  EXPECT_EQ(y, (std::vector<float>{9, 12, 8, 10, 5, 6}));
}

TEST(Cumsum, LongFloatSumsStayAccurate) {
  const std::int64_t n = 1 << 20;
  const std::vector<float> x(static_cast<std::size_t>(n), 0.1F);
  std::vector<float> y(x.size());
  run_units(cumsum, Backend::cpu, DType::f32, CumsumArgs{x.data(), y.data(), 1, n, 1, false});
  const double exact = static_cast<double>(0.1F) * static_cast<double>(n);
  EXPECT_NEAR(y.back(), exact, 1e-7 * exact);
}

}  // namespace
}  // namespace ingrad::kernels
