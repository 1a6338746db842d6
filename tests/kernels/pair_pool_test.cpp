// SPDX-License-Identifier: Apache-2.0
#include "kernels/pair_pool.h"

#include <cmath>
#include <limits>

#include "kernels/pool.h"
#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::random_values;
using testing::run_units;

constexpr std::int64_t kSizes[][3] = {{1, 2, 2},  {3, 4, 6},   {2, 5, 7},   {1, 1, 1},   {2, 3, 1},
                                      {5, 8, 64}, {2, 28, 28}, {1, 6, 101}, {4, 32, 32}, {0, 4, 4}};

// A few equal values, NaNs, infinities and zeros of both signs among the rest.
std::vector<float> inputs(std::size_t n) {
  auto v = random_values<float>(n, 1);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float special[] = {0.5f, NAN, kInfinity, -kInfinity, 0.0f, -0.0f, 0.5f, 0.5f};
  for (std::size_t i = 0; i < n; i += 3) v[i] = special[i / 3 % 8];
  return v;
}

struct Problem {
  explicit Problem(const std::int64_t (&s)[3]) {
    a.planes = s[0];
    a.size = {s[1], s[2]};
    a.grid = {s[1] / 2, s[2] / 2};
    in = static_cast<std::size_t>(s[0] * s[1] * s[2]);
    out = static_cast<std::size_t>(s[0] * a.grid[0] * a.grid[1]);
    x = inputs(in);
    a.x = x.data();
    values.assign(out + 1, -77);
    codes.assign(out + 1, 77);
  }
  void run(Backend backend, std::int64_t step = 0) {
    a.values = values.data();
    a.codes = codes.data();
    run_units(pair_pool, backend, DType::f32, a, step);
  }
  PairPoolArgs a;
  std::size_t in, out;
  std::vector<float> x, values;
  std::vector<std::uint8_t> codes;
};

using PairPoolIsa = testing::EveryIsa;

TEST_P(PairPoolIsa, ForwardMatchesReferenceAndMaxPool) {
  for (const auto& s : kSizes) {
    Problem expected(s), got(s);
    expected.run(Backend::reference);
    got.run(Backend::cpu, 1);
    EXPECT_EQ(got.codes, expected.codes);
    EXPECT_EQ(testing::compare_bytes(got.values.data(), expected.values.data(),
                                     got.values.size() * sizeof(float)),
              0);
    Problem closed(s), closed_got(s);
    closed.a.gated = closed_got.a.gated = true;
    closed.run(Backend::reference);
    closed_got.run(Backend::cpu, 1);
    EXPECT_EQ(closed_got.codes, closed.codes);
    for (std::size_t i = 0; i < expected.out; ++i) {
      EXPECT_EQ(closed.codes[i], closed.values[i] > 0 ? expected.codes[i] : 4);
    }
    if (expected.out == 0) continue;
    std::vector<float> values(expected.out);
    std::vector<std::int64_t> positions(expected.out);
    MaxPoolArgs m{expected.x.data(), values.data(), positions.data(), s[0], {}};
    m.axis[1] = {.in = s[1], .out = s[1] / 2, .kernel = 2, .stride = 2};
    m.axis[2] = {.in = s[2], .out = s[2] / 2, .kernel = 2, .stride = 2};
    run_units(max_pool, Backend::cpu, DType::f32, m);
    for (std::size_t i = 0; i < expected.out; ++i) {
      const std::int64_t t =
          static_cast<std::int64_t>(i) % (expected.a.grid[0] * expected.a.grid[1]);
      const std::int64_t row = 2 * (t / expected.a.grid[1]) + expected.codes[i] / 2;
      const std::int64_t column = 2 * (t % expected.a.grid[1]) + expected.codes[i] % 2;
      EXPECT_EQ(positions[i], row * s[2] + column);
    }
  }
}

TEST_P(PairPoolIsa, GradientMatchesReference) {
  for (const auto& s : kSizes) {
    for (const bool gated : {false, true}) {
      Problem p(s);
      p.a.gated = gated;
      p.run(Backend::cpu);
      const auto dy = random_values<float>(p.out, 2);
      PairPoolGradArgs a{p.codes.data(), dy.data(), nullptr, s[0], p.a.size, p.a.grid};
      std::vector<float> expected(p.in + 1, -77), got = expected;
      a.dx = expected.data();
      run_units(pair_pool_grad, Backend::reference, DType::f32, a);
      a.dx = got.data();
      run_units(pair_pool_grad, Backend::cpu, DType::f32, a, 1);
      EXPECT_EQ(got, expected) << s[0] << "x" << s[1] << "x" << s[2];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, PairPoolIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
