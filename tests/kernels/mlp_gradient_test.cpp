// SPDX-License-Identifier: Apache-2.0
#include "kernels/mlp_gradient.h"

#include <gtest/gtest.h>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::difference;
using testing::random_values;
using testing::run_units;

struct Network {
  explicit Network(std::vector<std::int64_t> w, std::int64_t rows) : widths(std::move(w)) {
    a.rows = rows;
    a.layers = static_cast<int>(widths.size()) - 1;
    const auto layers = static_cast<std::size_t>(a.layers);
    for (std::size_t l = 0; l <= layers; ++l) a.width[l] = widths[l];
    weights.resize(layers);
    biases.resize(layers);
    for (std::size_t l = 0; l < layers; ++l) {
      weights[l] = random_values<float>(static_cast<std::size_t>(widths[l] * widths[l + 1]),
                                        static_cast<unsigned>(l), -0.3, 0.3);
      biases[l] = random_values<float>(static_cast<std::size_t>(widths[l + 1]),
                                       static_cast<unsigned>(50 + l), -0.3, 0.3);
      a.weight[l] = weights[l].data();
      if (l % 2 == 0) a.bias[l] = biases[l].data();
    }
    x = random_values<float>(static_cast<std::size_t>(rows * widths[0]), 9);
    index.resize(static_cast<std::size_t>(rows) + 1);
    for (std::int64_t r = 0; r < rows; ++r) {
      index[static_cast<std::size_t>(r)] = r % 11 == 10 ? -1 : r % widths.back();
    }
    a.x = x.data();
    a.index = index.data();
  }
  std::vector<float> run(Backend backend) {
    std::vector<float> dx(x.size(), -77);
    a.dx = dx.data();
    run_units(mlp_gradient, backend, DType::f32, a);
    return dx;
  }
  std::vector<std::int64_t> widths;
  std::vector<std::vector<float>> weights, biases;
  std::vector<float> x;
  std::vector<std::int64_t> index;
  MlpGradientArgs a;
};

const std::vector<std::vector<std::int64_t>> kNetworks = {
    {64, 64, 64, 10}, {1, 1, 1}, {5, 3, 2, 4}, {63, 65, 10}, {128, 100, 33, 3}, {256, 256, 7},
    {200, 250, 130, 9, 10}};

TEST(MlpGradient, MatchesReference) {
  if (!testing::kDevice) GTEST_SKIP() << "a kernel of devices";
  for (const auto& widths : kNetworks) {
    for (const std::int64_t rows : {1, 7, 45}) {
      Network n(widths, rows);
      EXPECT_LE(difference(n.run(Backend::cpu), n.run(Backend::reference)), 3e-6)
          << widths.size() << " layers of " << widths[1] << ", " << rows << " rows";
    }
  }
}

// The kernel with four rows per warp gives the bits of that with one.
TEST(MlpGradient, RowsDoNotDependOnTheirNumber) {
  if (!testing::kDevice) GTEST_SKIP() << "a kernel of devices";
  Network many({24, 40, 5}, 2100), few({24, 40, 5}, 20);
  const std::vector<float> all = many.run(Backend::cpu);
  std::copy_n(many.x.begin(), few.x.size(), few.x.begin());
  const std::vector<float> some = few.run(Backend::cpu);
  EXPECT_EQ(std::vector<float>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(some.size())),
            some);
}

}  // namespace
}  // namespace ingrad::kernels
