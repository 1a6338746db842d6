// SPDX-License-Identifier: Apache-2.0
// Explainers where the answer is known by hand: one ReLU, the scalars of a linear model, the orders
// of the quadrature rules, a quadratic under noise.
#include <gtest/gtest.h>

#include <cmath>

#include "attribution/explain.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

// f = relu(2 x0 - x1 - 1) at (2, 1): on, f = 2; off for the first third of the path from zero.
TEST(OneRelu, EveryMethodByHand) {
  const ModelFn model = [](const Tensor& x) {
    return relu(linear(x, Tensor::from<float>({2, -1}, Shape{1, 2})) - 1.0);
  };
  const Tensor x = Tensor::from<float>({2, 1}, Shape{1, 2});
  expect_near(explain_gradient(model, x, kOnly).values, {2, -1}, 0);
  expect_near(explain_gradient_times_input(model, x, kOnly).values, {4, -1}, 0);
  const auto ig = [&](const IntegratedGradientsOptions& o) {
    return explain_integrated_gradients(model, x, o, kOnly);
  };
  // 3 nodes a third apart, so that the midpoint rule sees exactly two thirds of the path on.
  const Attribution a = ig({.rule = QuadratureRule::midpoint, .steps = 3});
  expect_near(a.values, {8.0 / 3, -2.0 / 3}, 1e-6);
  EXPECT_NEAR(a.delta[0], 0, 1e-6);
  EXPECT_EQ(a.f[0], 2);
  EXPECT_EQ(a.f_baseline[0], 0);
  // Of the nodes 0, 1/3, 2/3, 1 the last two are on: the derivative at the kink is zero.
  expect_near(ig({.rule = QuadratureRule::left, .steps = 3}).values, {4.0 / 3, -1.0 / 3}, 1e-6);
  expect_near(ig({.rule = QuadratureRule::right, .steps = 3}).values, {8.0 / 3, -2.0 / 3}, 1e-6);
  expect_near(ig({.rule = QuadratureRule::trapezoid, .steps = 4}).values, {2, -0.5}, 1e-6);
  // The mean gradient, without the input.
  const Attribution mean =
      ig({.rule = QuadratureRule::midpoint, .steps = 3, .multiply_by_inputs = false});
  expect_near(mean.values, {4.0 / 3, -2.0 / 3}, 1e-6);
  EXPECT_TRUE(mean.delta.empty());
  // From a baseline on the same side of the kink every rule is exact.
  const IntegratedGradientsOptions near{.rule = QuadratureRule::gauss_legendre,
                                        .steps = 1,
                                        .baselines = {Tensor::from<float>({1, 0}, Shape{2})}};
  expect_near(ig(near).values, {2, -1}, 1e-6);
}

// f = 1 - relu(1 - x) at 2 from 0 (Sundararajan et al. 2017, section 2.1): flat at x, so the
// gradient says 0; the path sees the rise of 1.
TEST(OneRelu, IntegratedGradientsSeeWhatIsSaturated) {
  const ModelFn model = [](const Tensor& x) { return 1.0 - relu(1.0 - x); };
  const Tensor x = Tensor::from<float>({2}, Shape{1, 1});
  expect_near(explain_gradient(model, x, kOnly).values, {0}, 0);
  const Attribution a = explain_integrated_gradients(
      model, x, {.rule = QuadratureRule::midpoint, .steps = 10}, kOnly);
  expect_near(a.values, {1}, 1e-6);
  const Attribution adaptive = explain_integrated_gradients(
      model, x, {.adaptive = true, .tolerance = 1e-2, .max_steps = 2187}, kOnly);
  EXPECT_TRUE(adaptive.converged[0]);
  expect_near(adaptive.values, {1}, 1e-2);
}

// At the kink itself the derivative of ReLU is zero, and so is that of |x|.
TEST(OneRelu, KinksHaveDerivativeZero) {
  const Tensor x = Tensor::zeros(Shape{1, 1});
  expect_near(explain_gradient([](const Tensor& v) { return relu(v); }, x, kOnly).values, {0}, 0);
  expect_near(explain_gradient([](const Tensor& v) { return abs(v); }, x, kOnly).values, {0}, 0);
}

// z = W x + b with z = (1, 3, 2): every scalar's value and gradient in closed form.
TEST(Scalars, OfALinearModel) {
  const std::vector<std::vector<double>> w = {{1, 0}, {2, 1}, {0, 2}};
  const Tensor weight = Tensor::from<float>({1, 0, 2, 1, 0, 2}, Shape{3, 2});
  const ModelFn model = affine(weight, Tensor::zeros(Shape{3}));
  const Tensor x = Tensor::from<float>({1, 1}, Shape{1, 2});
  const std::vector<double> z = {1, 3, 2};
  const double total = std::exp(1) + std::exp(3) + std::exp(2);
  std::vector<double> mean(2, 0.0);
  for (std::size_t j = 0; j < 3; ++j) {
    for (std::size_t i = 0; i < 2; ++i) mean[i] += std::exp(z[j]) / total * w[j][i];
  }
  for (std::size_t t = 0; t < 3; ++t) {
    const double p = std::exp(z[t]) / total, log_p = z[t] - std::log(total);
    const std::size_t second = t == 1 ? 2 : 1;  // the best of the other classes
    const std::size_t c = (t + 1) % 3;
    const struct {
      ScalarKind kind;
      double f, g0, g1;
    } cases[] = {
        {ScalarKind::logit, z[t], w[t][0], w[t][1]},
        {ScalarKind::log_prob, log_p, w[t][0] - mean[0], w[t][1] - mean[1]},
        {ScalarKind::prob, p, p * (w[t][0] - mean[0]), p * (w[t][1] - mean[1])},
        {ScalarKind::margin, z[t] - z[second], w[t][0] - w[second][0], w[t][1] - w[second][1]},
        {ScalarKind::contrast, z[t] - z[c], w[t][0] - w[c][0], w[t][1] - w[c][1]},
        {ScalarKind::loss, -log_p, mean[0] - w[t][0], mean[1] - w[t][1]},
    };
    for (const auto& k : cases) {
      SCOPED_TRACE(std::string(name_of(k.kind)) + " of class " + std::to_string(t));
      const Attribution a = explain_gradient(model, x,
                                             {.scalar = k.kind,
                                              .target = Target::one(static_cast<std::int64_t>(t)),
                                              .contrast = {static_cast<std::int64_t>(c)}});
      EXPECT_NEAR(a.f[0], k.f, 1e-6);
      expect_near(a.values, {k.g0, k.g1}, 1e-6);
      EXPECT_EQ(a.scalar, k.kind);
      EXPECT_EQ(a.targets, (std::vector<std::int64_t>{static_cast<std::int64_t>(t)}));
    }
  }
}

TEST(Targets, PredictedMeansAtTheCleanInput) {
  // Under noise of this size the prediction flips in half the draws; the target must not.
  const Tensor w = Tensor::from<float>({1, 0, 0, 1}, Shape{2, 2});
  const ModelFn model = affine(w, Tensor::zeros(Shape{2}));
  const Tensor x = Tensor::from<float>({0.1F, 0, 0, 0.1F, 0.2F, 0.2F}, Shape{3, 2});
  const Attribution a =
      explain_smooth_grad(model, x, {.draws = 40, .sigma = 5, .relative_sigma = false});
  EXPECT_EQ(a.targets, (std::vector<std::int64_t>{0, 1, 0}));  // the first one at ties
  expect_near(a.values, {1, 0, 0, 1, 1, 0}, 0);
}

TEST(Baselines, FeaturesAtTheirBaselineGetExactlyZero) {
  const Tensor x = Tensor::from<float>({0.5F, 2, -1, 0.25F}, Shape{1, 4});
  const Tensor baseline = Tensor::from<float>({0.5F, 0, -1, 1}, Shape{4});
  const auto v = explain_integrated_gradients(mlp(4, 2, true), x, {.baselines = {baseline}})
                     .values.to_vector<double>();
  EXPECT_EQ(v[0], 0);
  EXPECT_NE(v[1], 0);
  EXPECT_EQ(v[2], 0);
  EXPECT_NE(v[3], 0);
  // x = x': nothing to attribute, and no NaN.
  const Attribution same = explain_integrated_gradients(mlp(4, 2, true), x, {.baselines = {x}});
  expect_near(same.values, {0, 0, 0, 0}, 0);
  EXPECT_EQ(same.delta[0], 0);
  EXPECT_EQ(same.relative_delta[0], 0);
}

TEST(Baselines, HaveAnyShapeThatBroadcasts) {
  const Tensor x = noise(31, Shape{3, 4});
  const ModelFn model = mlp(4, 2, true);
  const auto with = [&](const Tensor& b) {
    return explain_integrated_gradients(model, x, {.baselines = {b}}, {.target = Target::one(0)})
        .values.to_vector<float>();
  };
  const auto expected = with(Tensor::full(Shape{3, 4}, 0.5));
  EXPECT_EQ(with(Tensor::scalar(0.5)), expected);
  EXPECT_EQ(with(Tensor::full(Shape{4}, 0.5)), expected);
  EXPECT_EQ(with(Tensor::full(Shape{1, 4}, 0.5)), expected);
  EXPECT_EQ(with(Tensor::full(Shape{4}, 0.5, DType::f64)), expected);
}

// f = exp(3 x) at 1 from 0: the error of a rule of order p falls by 2^p when its step is halved.
TEST(QuadratureOrders, ShowInIntegratedGradients) {
  const ModelFn model = [](const Tensor& x) { return exp(x * 3.0); };
  const Tensor x = Tensor::ones(Shape{1, 1});
  const auto error = [&](QuadratureRule rule, int steps) {
    return std::abs(
        explain_integrated_gradients(model, x, {.rule = rule, .steps = steps}, kOnly).delta[0]);
  };
  const struct {
    QuadratureRule rule;
    int coarse, fine;  // half the step
    double order;
  } cases[] = {{QuadratureRule::left, 16, 32, 1},
               {QuadratureRule::right, 16, 32, 1},
               {QuadratureRule::midpoint, 8, 16, 2},
               {QuadratureRule::trapezoid, 9, 17, 2},
               {QuadratureRule::simpson, 5, 9, 4}};
  for (const auto& c : cases) {
    const double order = std::log2(error(c.rule, c.coarse) / error(c.rule, c.fine));
    EXPECT_NEAR(order, c.order, 0.15) << name_of(c.rule);
  }
  // Five nodes of Gauss and Legendre do what 65 of Simpson's do.
  EXPECT_LT(error(QuadratureRule::gauss_legendre, 5), 1e-4);
}

// f = x^T A x / 2 under noise N(0, s^2): the gradient A (x + s z) has mean A x and variance
// s^2 sum_j A_ij^2.
TEST(SmoothGrad, StatisticsOfAQuadratic) {
  const Tensor a = Tensor::from<float>({2, 1, 0, 1, -1, 3, 0, 3, 1}, Shape{3, 3});
  const ModelFn model = [&](const Tensor& x) { return sum(x * linear(x, a), {1}, true) * 0.5; };
  const Tensor x = Tensor::from<float>({1, -2, 0.5F}, Shape{1, 3});
  const std::vector<double> mean = {0, 4.5, -5.5}, rows = {5, 11, 10};
  const double sigma = 0.5;
  const auto with = [&](int draws, SmoothGradOptions::Statistic statistic, std::uint64_t seed) {
    return explain_smooth_grad(model, x,
                               {.draws = draws,
                                .sigma = sigma,
                                .relative_sigma = false,
                                .statistic = statistic,
                                .seed = seed},
                               kOnly);
  };
  using Statistic = SmoothGradOptions::Statistic;
  const Attribution m = with(4000, Statistic::mean, 1);
  const auto v = m.values.to_vector<double>(), se = m.standard_error.to_vector<double>();
  const auto squares = with(4000, Statistic::square, 1).values.to_vector<double>();
  const auto variances = with(4000, Statistic::variance, 1).values.to_vector<double>();
  for (std::size_t i = 0; i < 3; ++i) {
    const double deviation = sigma * std::sqrt(rows[i]);
    EXPECT_NEAR(se[i], deviation / std::sqrt(4000.0), 0.05 * se[i]) << i;
    EXPECT_NEAR(v[i], mean[i], 4 * se[i]) << i;
    EXPECT_NEAR(variances[i], deviation * deviation, 0.1 * deviation * deviation) << i;
    // Sums of squares are those of the same draws.
    EXPECT_NEAR(squares[i], v[i] * v[i] + variances[i] * 3999 / 4000, 1e-4 * squares[i]) << i;
  }
  // Other seeds, other draws; the error falls like the root of their number.
  const auto spread = [&](int draws) {
    double s = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      const double e = with(draws, Statistic::mean, seed).values.to_vector<double>()[1] - mean[1];
      s += e * e;
    }
    return std::sqrt(s / 40);
  };
  EXPECT_NEAR(spread(10) / spread(1000), 10, 3);
  EXPECT_NE(with(5, Statistic::mean, 1).values.to_vector<float>(),
            with(5, Statistic::mean, 2).values.to_vector<float>());
}

}  // namespace
}  // namespace ingrad
