// SPDX-License-Identifier: Apache-2.0
// Explainers under noise: the same as SmoothGrad for gradients, statistics in closed form.
#include "attribution/noise_tunnel.h"

#include <gmock/gmock.h>

#include <cmath>

#include "attribution/explain.h"
#include "attribution/moments.h"
#include "attribution/perturbation/masks.h"
#include "attribution/perturbation/shapley.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

using M = const ModelFn&;
using T = const Tensor&;
using O = const ExplainOptions&;
using Statistic = NoiseTunnelOptions::Statistic;

const Explainer kGradient = [](M m, T x, O o) { return explain_gradient(m, x, o); };
const Explainer kTimesInput = [](M m, T x, O o) { return explain_gradient_times_input(m, x, o); };
const Explainer kShapley = [](M m, T x, O o) {
  return explain_shapley_sampling(m, x, {.pairs = 3}, o);
};

// The moments of 1, 2, 4, 9 by hand.
TEST(Moments, OfFourNumbers) {
  Moments m(1, true);
  int n = 0;
  for (const double v : {1.0, 2.0, 4.0, 9.0}) m.add(0, std::vector{v}, ++n);
  EXPECT_DOUBLE_EQ(m.mean()[0], 4);
  EXPECT_DOUBLE_EQ(m.variance(4)[0], 38.0 / 3);
  EXPECT_DOUBLE_EQ(m.variance(4, false)[0], 38.0 / 4);
  EXPECT_DOUBLE_EQ(m.error_of_mean(4)[0], std::sqrt(38.0 / 3 / 4));
  // Fourth central moment (81 + 16 + 0 + 625) / 4.
  const double s2 = 38.0 / 3;
  EXPECT_DOUBLE_EQ(m.error_of_variance(4)[0], std::sqrt((722.0 / 4 - s2 * s2 / 3) / 4));
  EXPECT_TRUE(std::isnan(Moments(1).error_of_mean(1)[0]));
}

// P10: of the gradient it is SmoothGrad, draw by draw.
TEST(NoiseTunnel, OfTheGradientIsSmoothGrad) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(70, Shape{5, 6});
  const std::pair<Statistic, SmoothGradOptions::Statistic> cases[] = {
      {Statistic::mean, SmoothGradOptions::Statistic::mean},
      {Statistic::square, SmoothGradOptions::Statistic::square},
      {Statistic::variance, SmoothGradOptions::Statistic::variance}};
  for (const auto& [tunnel, smooth] : cases) {
    const Attribution a =
        explain_noise_tunnel(model, x, kGradient, {.draws = 9, .statistic = tunnel, .seed = 4});
    const Attribution b =
        explain_smooth_grad(model, x, {.draws = 9, .statistic = smooth, .seed = 4});
    EXPECT_EQ(a.values.to_vector<float>(), b.values.to_vector<float>());
    EXPECT_EQ(a.targets, b.targets);
    EXPECT_EQ(a.f, b.f);
    EXPECT_EQ(a.cost.gradient_rows, 45);
    EXPECT_TRUE(a.standard_error.defined());
  }
}

// P10: without noise it is the method, for sampled methods too; variances vanish.
TEST(NoiseTunnel, WithoutNoiseIsTheMethodBitForBit) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(71, Shape{3, 6});
  for (const Explainer& method : {kGradient, kShapley}) {
    for (const Target& target : {Target::predicted(), Target::several({2, 0})}) {
      const ExplainOptions options{.target = target, .first_sample = 5};
      const NoiseTunnelOptions none{.draws = 7, .noise = {.sigma = 0, .low = -0.1, .high = 0.1}};
      const Attribution a = explain_noise_tunnel(model, x, method, none, options);
      const Attribution b = method(model, x, options);
      EXPECT_EQ(a.values.shape(), b.values.shape());
      EXPECT_EQ(a.values.to_vector<float>(), b.values.to_vector<float>());
      if (b.standard_error.defined()) {
        EXPECT_EQ(a.standard_error.to_vector<float>(), b.standard_error.to_vector<float>());
      }
      for (const Statistic s : {Statistic::variance, Statistic::population_variance}) {
        NoiseTunnelOptions spread = none;
        spread.statistic = s;
        for (const float v :
             explain_noise_tunnel(model, x, method, spread, options).values.to_vector<float>()) {
          EXPECT_EQ(v, 0);
        }
      }
    }
  }
}

// f = x^2 / 2: x df/dx at x + s z is (x + s z)^2, of mean x^2 + s^2 and variance 4 x^2 s^2 + 2 s^4.
TEST(NoiseTunnel, StatisticsInClosedForm) {
  const ModelFn model = [](const Tensor& x) { return x * x * 0.5; };
  const Tensor x = Tensor::full(Shape{1, 1}, 1.5);
  const double s = 0.4, mean = 2.25 + s * s, variance = 4 * 2.25 * s * s + 2 * s * s * s * s;
  const auto with = [&](Statistic statistic, int draws) {
    return explain_noise_tunnel(
        model, x, kTimesInput,
        {.draws = draws, .noise = {.sigma = s, .relative_sigma = false}, .statistic = statistic},
        kOnly);
  };
  const auto value = [](const Attribution& a) { return a.values.to_vector<double>()[0]; };
  const auto error = [](const Attribution& a) { return a.standard_error.to_vector<double>()[0]; };
  const Attribution m = with(Statistic::mean, 4000);
  EXPECT_NEAR(error(m), std::sqrt(variance / 4000), 0.05 * error(m));
  EXPECT_NEAR(value(m), mean, 4 * error(m));
  const Attribution v = with(Statistic::variance, 4000),
                    p = with(Statistic::population_variance, 4000);
  EXPECT_NEAR(value(v), variance, 4 * error(v));
  EXPECT_LT(error(v), 0.1 * variance);
  EXPECT_NEAR(value(p) * 4000 / 3999, value(v), 1e-6);
  const Attribution q = with(Statistic::square, 4000);
  EXPECT_NEAR(value(q), mean * mean + variance, 4 * error(q));
  EXPECT_TRUE(std::isnan(error(with(Statistic::variance, 3))));
  EXPECT_THAT(m.method, testing::StrEq("mean of gradient_times_input"));
  EXPECT_TRUE(m.delta.empty());
}

// The gradient of a linear model does not vary. (As E[a^2] - E[a]^2, which is Captum's way, f32
// would leave some 0.1 of either sign.)
TEST(NoiseTunnel, VariancesDoNotCancel) {
  const ModelFn model =
      affine(Tensor::from<float>({1234.5678F, -0.1F}, Shape{1, 2}), Tensor::zeros(Shape{1}));
  for (const Statistic s : {Statistic::variance, Statistic::population_variance}) {
    const Attribution a = explain_noise_tunnel(model, noise(74, Shape{3, 2}), kGradient,
                                               {.draws = 50, .statistic = s}, kOnly);
    for (const float v : a.values.to_vector<float>()) EXPECT_EQ(v, 0);
    for (const float e : a.standard_error.to_vector<float>()) EXPECT_EQ(e, 0);
  }
}

// Copies are kept within the bounds: x times its gradient 1 is the copy itself.
TEST(NoiseTunnel, NoiseIsClippedAndRelativeToTheRange) {
  const ModelFn model = [](const Tensor& x) { return sum(x, {1}, true); };
  const Tensor x = Tensor::from<float>({0, 0.5F, 1, 10, 10, 10}, Shape{2, 3});
  const Explainer checked = [](M m, T copies, O o) {
    for (const float v : copies.to_vector<float>()) {
      EXPECT_GE(v, 0.2F);
      EXPECT_LE(v, 0.8F);
    }
    return explain_gradient_times_input(m, copies, o);
  };
  explain_noise_tunnel(model, x, checked,
                       {.draws = 20, .noise = {.sigma = 1, .low = 0.2, .high = 0.8}}, kOnly);
  // The second sample has no range: relative noise leaves it alone.
  const Attribution a = explain_noise_tunnel(model, x, kTimesInput, {.draws = 20}, kOnly);
  const auto v = a.values.to_vector<double>(), e = a.standard_error.to_vector<double>();
  for (std::size_t i = 3; i < 6; ++i) {
    EXPECT_EQ(v[i], 10);
    EXPECT_EQ(e[i], 0);
  }
  EXPECT_GT(e[0], 0);
}

// Classes of the clean samples, and results of other shapes than the inputs.
TEST(NoiseTunnel, KeepsTargetsAndShapes) {
  const ModelFn model = conv_net();
  const Tensor x = noise(72, Shape{3, 2, 8, 8});
  const Explainer rise = [](M m, T rows, O o) {
    return explain_rise(m, rows, {.masks = 5, .cells = 4}, o);
  };
  const NoiseTunnelOptions tunnel{.draws = 3, .noise = {.sigma = 3}};
  const Attribution a = explain_noise_tunnel(model, x, rise, tunnel);
  EXPECT_EQ(a.values.shape(), (Shape{3, 1, 8, 8}));
  EXPECT_EQ(a.targets, explain_gradient(model, x).targets);
  const Attribution given =
      explain_noise_tunnel(model, x, rise, tunnel, {.target = Target::per_sample(a.targets)});
  EXPECT_EQ(a.values.to_vector<float>(), given.values.to_vector<float>());
  ExplainOptions options{.target = Target::several({1, 2})};
  const Attribution both = explain_noise_tunnel(model, x, rise, tunnel, options);
  EXPECT_EQ(both.values.shape(), (Shape{3, 2, 1, 8, 8}));
  options.target = Target::one(2);
  EXPECT_EQ(select(both.values, 1, 1).to_vector<float>(),
            explain_noise_tunnel(model, x, rise, tunnel, options).values.to_vector<float>());
  // One contrast class per sample.
  options = {.scalar = ScalarKind::contrast, .target = Target::one(1), .contrast = {0, 2, 0}};
  const Attribution contrast = explain_noise_tunnel(model, x, kGradient, tunnel, options);
  options = {.scalar = ScalarKind::contrast, .target = Target::one(1), .contrast = {2}};
  options.first_sample = 1;
  EXPECT_EQ(narrow(contrast.values, 0, 1, 1).to_vector<float>(),
            explain_noise_tunnel(model, narrow(x, 0, 1, 1), kGradient, tunnel, options)
                .values.to_vector<float>());
}

TEST(NoiseTunnel, ReportsProgressAndRefuses) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(73, Shape{2, 6});
  double last = 0;
  ExplainOptions options;
  options.pool.max_rows = 4;
  int calls = 0;
  options.pool.progress = [&](std::int64_t done, std::int64_t total) {
    if (++calls == 1) return true;  // f of the samples
    const double share = static_cast<double>(done) / static_cast<double>(total);
    EXPECT_GE(share, last);
    last = share;
    return true;
  };
  explain_noise_tunnel(model, x, kGradient, {.draws = 6}, options);
  EXPECT_EQ(last, 1);
  expect_refusal([&] { explain_noise_tunnel(model, x, kGradient, {.draws = 0}); }, "0 draws");
  expect_refusal(
      [&] {
        explain_noise_tunnel(model, x, kGradient, {.draws = 1, .statistic = Statistic::variance});
      },
      "at least 2");
  expect_refusal([&] { explain_noise_tunnel(model, x, kGradient, {.noise = {.sigma = -1}}); },
                 "sigma -1");
  expect_refusal(
      [&] { explain_noise_tunnel(model, x, kGradient, {.noise = {.low = 1, .high = 0}}); },
      "[1, 0]");
  const Explainer broken = [](M, T, O) { return Attribution{}; };
  expect_refusal([&] { explain_noise_tunnel(model, x, broken); }, "undefined");
}

}  // namespace
}  // namespace ingrad
