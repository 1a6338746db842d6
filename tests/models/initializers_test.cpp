// SPDX-License-Identifier: Apache-2.0
// Initial values: bounds, moments, orthogonality, and independence of everything but the key.
#include "models/initializers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/parallel.h"

namespace ingrad {
namespace {

const RandomKey kKey{7, stream_of("layer.weight"), 0, 0};

struct Moments {
  double mean, deviation, low, high;
};
Moments moments_of(const Initializer& initial, const Shape& shape, DType dtype = DType::f32) {
  const Tensor t = initial(shape, kKey, dtype);
  EXPECT_EQ(t.shape(), shape);
  EXPECT_EQ(t.dtype(), dtype);
  const auto v = t.to_vector<double>();
  double sum = 0, squares = 0;
  for (const double x : v) sum += x;
  const double mean = sum / static_cast<double>(v.size());
  for (const double x : v) squares += (x - mean) * (x - mean);
  const auto [low, high] = std::minmax_element(v.begin(), v.end());
  return {mean, std::sqrt(squares / static_cast<double>(v.size())), *low, *high};
}

// 120,000 values: means within 5 standard errors, deviations within 2%, extremes near the bounds.
const Shape kShape{100, 48, 5, 5};
constexpr double kCount = 120000, kFanIn = 48 * 25, kFanOut = 100 * 25;

void expect_uniform(const Initializer& initial, double bound) {
  const Moments m = moments_of(initial, kShape);
  EXPECT_NEAR(m.mean, 0, 5 * bound / std::sqrt(3 * kCount));
  EXPECT_NEAR(m.deviation, bound / std::numbers::sqrt3, 0.02 * bound);
  EXPECT_GE(m.low, -bound * (1 + 1e-6));
  EXPECT_LE(m.high, bound);
  EXPECT_LT(m.low, -0.999 * bound);
  EXPECT_GT(m.high, 0.999 * bound);
}

void expect_normal(const Initializer& initial, double deviation) {
  const Moments m = moments_of(initial, kShape);
  EXPECT_NEAR(m.mean, 0, 5 * deviation / std::sqrt(kCount));
  EXPECT_NEAR(m.deviation, deviation, 0.02 * deviation);
  EXPECT_GT(m.high, 3.5 * deviation);
}

TEST(Initializers, Plain) {
  expect_uniform(init::uniform(-0.25, 0.25), 0.25);
  expect_normal(init::normal(0, 0.3), 0.3);
  const Moments m = moments_of(init::constant(1.5), kShape, DType::f64);
  EXPECT_EQ(m.low, 1.5);
  EXPECT_EQ(m.high, 1.5);
  EXPECT_NEAR(moments_of(init::normal(4, 1), kShape, DType::f64).mean, 4, 0.02);
}

TEST(Initializers, FansOfGlorotAndHe) {
  EXPECT_EQ(init::fans_of(kShape).in, 1200);
  EXPECT_EQ(init::fans_of(kShape).out, 2500);
  EXPECT_THROW(init::fans_of({3}), Error);
  expect_uniform(init::xavier_uniform(), std::sqrt(6 / (kFanIn + kFanOut)));
  expect_normal(init::xavier_normal(2), 2 * std::sqrt(2 / (kFanIn + kFanOut)));
  expect_uniform(init::kaiming_uniform(), std::sqrt(6 / kFanIn));
  expect_uniform(init::kaiming_uniform({.negative_slope = 2}), std::sqrt(6 / 5.0 / kFanIn));
  expect_normal(init::kaiming_normal({.nonlinearity = init::Nonlinearity::relu}),
                std::sqrt(2 / kFanIn));
  expect_normal(
      init::kaiming_normal({.fan = init::Fan::out, .nonlinearity = init::Nonlinearity::tanh}),
      5.0 / 3 / std::sqrt(kFanOut));
  // What torch.nn.Linear and the convolutions start with.
  expect_uniform(init::default_weight(), 1 / std::sqrt(kFanIn));
  const Moments bias = moments_of(init::default_bias({10, 100}), {20000});
  EXPECT_NEAR(bias.high, 0.1, 1e-4);
  EXPECT_NEAR(bias.low, -0.1, 1e-4);
}

TEST(Initializers, Gains) {
  using init::Nonlinearity;
  EXPECT_EQ(init::gain_of(Nonlinearity::linear), 1);
  EXPECT_EQ(init::gain_of(Nonlinearity::sigmoid), 1);
  EXPECT_EQ(init::gain_of(Nonlinearity::tanh), 5.0 / 3);
  EXPECT_EQ(init::gain_of(Nonlinearity::relu), std::numbers::sqrt2);
  EXPECT_EQ(init::gain_of(Nonlinearity::leaky_relu), std::sqrt(2 / 1.0001));
  EXPECT_EQ(init::gain_of(Nonlinearity::selu), 0.75);
}

// Against the closed-form mean and deviation of the truncated normal distribution.
void expect_truncated(double mean, double sigma, double low, double high) {
  SCOPED_TRACE(testing::Message() << mean << " " << sigma << " [" << low << ", " << high << "]");
  const double a = (low - mean) / sigma, b = (high - mean) / sigma;
  const auto density = [](double z) {
    return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
  };
  // The mass of [a, b] from the tail on the side where it is small.
  const auto tail = [](double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); };
  const double mass = a > 0 ? tail(a) - tail(b) : tail(-b) - tail(-a);
  const double shift = (density(a) - density(b)) / mass;
  const double variance = 1 + (a * density(a) - b * density(b)) / mass - shift * shift;
  const Moments m = moments_of(init::truncated_normal(mean, sigma, low, high), kShape, DType::f64);
  EXPECT_GE(m.low, low);
  EXPECT_LE(m.high, high);
  EXPECT_NEAR(m.mean, mean + sigma * shift, 5 * sigma * std::sqrt(variance / kCount));
  EXPECT_NEAR(m.deviation, sigma * std::sqrt(variance), 0.02 * sigma * std::sqrt(variance));
}

TEST(Initializers, TruncatedNormal) {
  expect_truncated(0, 1, -2, 2);
  expect_truncated(0, 0.02, -2, 2);
  expect_truncated(1, 2, 0, 1.5);
  expect_truncated(0, 1, 6, 8);  // far out, where probabilities near 1 would have no digits left
  expect_truncated(0, 1, -9, -6);
  EXPECT_THROW(init::truncated_normal(0, 1, 2, 2), Error);
  EXPECT_THROW(init::truncated_normal(0, 0, -2, 2), Error);
}

TEST(Initializers, Orthogonal) {
  for (const Shape& shape : {Shape{6, 20}, Shape{20, 6}, Shape{8, 8}, Shape{5, 2, 3, 3}}) {
    SCOPED_TRACE(shape.str());
    const Tensor w = init::orthogonal(1.5)(shape, kKey, DType::f64);
    const Tensor m = reshape(w, {shape[0], -1});
    const bool wide = m.dim(0) <= m.dim(1);
    const Tensor t = transpose(m, 0, 1);
    const Tensor product = wide ? matmul(m, t) : matmul(t, m);
    const auto v = product.to_vector<double>();
    const std::int64_t n = product.dim(0);
    for (std::int64_t i = 0; i < n * n; ++i) {
      EXPECT_NEAR(v[static_cast<std::size_t>(i)], i % (n + 1) == 0 ? 2.25 : 0, 1e-14);
    }
  }
  EXPECT_THROW(init::orthogonal()({4}, kKey, DType::f32), Error);
  // Each element of a random orthogonal matrix has mean 0 and variance 1 / n.
  double sum = 0, squares = 0;
  constexpr int kMatrices = 2000;
  for (std::uint64_t i = 0; i < kMatrices; ++i) {
    const double v = init::orthogonal()({4, 4}, {i, 0, 0, 0}, DType::f64).data<double>()[0];
    sum += v;
    squares += v * v;
  }
  EXPECT_NEAR(sum / kMatrices, 0, 5 * 0.5 / std::sqrt(kMatrices));
  EXPECT_NEAR(squares / kMatrices, 0.25, 0.03);
}

TEST(Initializers, DependOnTheKeyAlone) {
  const Initializer all[] = {init::uniform(),       init::normal(),          init::xavier_uniform(),
                             init::xavier_normal(), init::kaiming_uniform(), init::kaiming_normal(),
                             init::orthogonal(),    init::truncated_normal()};
  for (const Initializer& initial : all) {
    const auto values = initial({30, 40}, kKey, DType::f32).to_vector<float>();
    const int before = threads();
    set_threads(1);
    EXPECT_EQ(values, initial({30, 40}, kKey, DType::f32).to_vector<float>());
    set_threads(before);
    EXPECT_NE(values, initial({30, 40}, {8, kKey.stream, 0, 0}, DType::f32).to_vector<float>());
    EXPECT_NE(values, initial({30, 40}, {7, kKey.stream + 1, 0, 0}, DType::f32).to_vector<float>());
  }
}

}  // namespace
}  // namespace ingrad
