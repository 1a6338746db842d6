// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::dtype_of;
using testing::run_units;

using PoolIsa = testing::EveryIsa;

PoolAxis axis(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t padding = 0,
              std::int64_t dilation = 1, bool ceil = false) {
  const std::int64_t span = in + 2 * padding - dilation * (kernel - 1) - 1;
  std::int64_t out = (ceil ? (span + stride - 1) / stride : span / stride) + 1;
  if (ceil && (out - 1) * stride >= in + padding) --out;
  return {in, out, kernel, stride, dilation, padding};
}

struct Case {
  std::int64_t planes;
  std::array<PoolAxis, 3> axes;
};

std::vector<Case> cases() {
  const PoolAxis one;
  return {
      {3, {one, one, axis(9, 2, 2)}},
      {2, {one, one, axis(1000, 3, 1, 1)}},
      {2, {one, axis(8, 2, 2), axis(10, 2, 2)}},
      {2, {one, axis(7, 3, 2, 1), axis(33, 3, 2, 1)}},
      {1, {one, axis(9, 3, 1, 1, 2), axis(10, 2, 3, 1, 3, true)}},
      {1, {one, axis(6, 2, 2, 0, 1, true), axis(7, 2, 2, 0, 1, true)}},
      {2, {axis(5, 3, 2, 1), axis(6, 2, 1), axis(67, 3, 2, 1)}},
      {1, {one, axis(4, 4, 4), axis(5, 5, 5)}},
      {0, {one, axis(4, 2, 2), axis(4, 2, 2)}},
      {1, {one, axis(3, 1, 4), axis(600, 1, 1)}},
  };
}

// From the definition, window by window, over coordinates.
template <class T>
void expect_definition(const Case& c, const std::vector<T>& x, const std::vector<T>& values,
                       const std::vector<std::int64_t>& indices) {
  const auto& [z, y, w] = c.axes;
  std::size_t o = 0;
  for (std::int64_t p = 0; p < c.planes; ++p) {
    for (std::int64_t tz = 0; tz < z.out; ++tz) {
      for (std::int64_t ty = 0; ty < y.out; ++ty) {
        for (std::int64_t tx = 0; tx < w.out; ++tx, ++o) {
          std::int64_t best = -1;
          T value = 0;
          for (std::int64_t kz = 0; kz < z.kernel; ++kz) {
            for (std::int64_t ky = 0; ky < y.kernel; ++ky) {
              for (std::int64_t kx = 0; kx < w.kernel; ++kx) {
                const std::int64_t iz = tz * z.stride + kz * z.dilation - z.padding;
                const std::int64_t iy = ty * y.stride + ky * y.dilation - y.padding;
                const std::int64_t ix = tx * w.stride + kx * w.dilation - w.padding;
                if (iz < 0 || iy < 0 || ix < 0 || iz >= z.in || iy >= y.in || ix >= w.in) continue;
                const std::int64_t at = (iz * y.in + iy) * w.in + ix;
                const T v = x[static_cast<std::size_t>(p * z.in * y.in * w.in + at)];
                if (best < 0 || v > value || std::isnan(v)) {
                  best = at;
                  value = v;
                }
              }
            }
          }
          ASSERT_EQ(indices[o], best);
          ASSERT_TRUE(values[o] == value || (std::isnan(values[o]) && std::isnan(value)));
        }
      }
    }
  }
}

template <class T>
void check(bool with_specials) {
  std::mt19937 bits(4);
  for (const Case& c : cases()) {
    const auto& [z, y, w] = c.axes;
    std::vector<T> x(static_cast<std::size_t>(c.planes * z.in * y.in * w.in));
    // Few different values: many ties.
    for (T& v : x) v = static_cast<T>(static_cast<int>(bits() % 9)) - 4;
    if (with_specials) {
      for (std::size_t i = 0; i < x.size(); i += 5) x[i] = -INFINITY;
      for (std::size_t i = 3; i < x.size(); i += 7) x[i] = NAN;
      for (std::size_t i = 0; i < x.size() / 3; ++i) x[i] = -INFINITY;
    }
    const auto outputs = static_cast<std::size_t>(c.planes * z.out * y.out * w.out);
    for (const Backend backend : {Backend::reference, Backend::cpu}) {
      for (const std::int64_t step : {0, 1}) {
        std::vector<T> values(outputs);
        std::vector<std::int64_t> indices(outputs, -7);
        const MaxPoolArgs a{x.data(), values.data(), indices.data(), c.planes, c.axes};
        run_units(max_pool, backend, dtype_of<T>(), a, step);
        expect_definition(c, x, values, indices);
      }
    }
  }
}

TEST_P(PoolIsa, FollowsTheDefinition) {
  check<float>(false);
  check<double>(false);
}

TEST_P(PoolIsa, OrdersNanAndInfinity) {
  check<float>(true);
  check<double>(true);
}

TEST_P(PoolIsa, TakesUnevenWindows) {
  const std::vector<std::int64_t> first = {0, 1, 3}, last = {2, 4, 5};
  const PoolAxis uneven{.in = 5, .out = 3, .first = first.data(), .last = last.data()};
  const std::vector<float> x = {1, 5, 2, 5, 3, NAN, 0, 9, 9, 1};
  std::vector<float> values(6);
  std::vector<std::int64_t> indices(6);
  for (const Backend backend : {Backend::reference, Backend::cpu}) {
    run_units(max_pool, backend, DType::f32,
              MaxPoolArgs{x.data(), values.data(), indices.data(), 2, {PoolAxis{}, {}, uneven}});
    EXPECT_EQ(indices, (std::vector<std::int64_t>{1, 1, 3, 0, 2, 3}));
    EXPECT_TRUE(std::isnan(values[3]));
    EXPECT_EQ(values[4], 9);
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, PoolIsa, ::testing::ValuesIn(testing::isa_names()));

}  // namespace
}  // namespace ingrad::kernels
