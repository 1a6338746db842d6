// SPDX-License-Identifier: Apache-2.0
// Closed forms and properties of the explainers; the numbers P1, P2, ... are those of the usual
// list of axioms (completeness, linearity, sensitivity ...).
#include "attribution/explain.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "engine/parallel.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

// P2: every method of a linear model is w, or w (x - x').
TEST(Explain, LinearModelsAreExact) {
  const Tensor w = Tensor::from<float>({1, -2, 0.5, 3, 0, -1}, Shape{2, 3});
  const ModelFn model = affine(w, Tensor::from<float>({0.25F, -1}, Shape{2}));
  const Tensor x = Tensor::from<float>({1, 2, 4, -1, 0.5, 2}, Shape{2, 3});
  const ExplainOptions options{.target = Target::per_sample({0, 1})};
  const std::vector<double> weights = {1, -2, 0.5, 3, 0, -1};
  const std::vector<double> products = {1, -4, 2, -3, 0, -2};
  expect_near(explain_gradient(model, x, options).values, weights, 0);
  expect_near(explain_gradient_times_input(model, x, options).values, products, 0);
  expect_near(explain_smooth_grad(model, x, {.draws = 7}, options).values, weights, 1e-6);
  for (const auto rule :
       {QuadratureRule::left, QuadratureRule::right, QuadratureRule::midpoint,
        QuadratureRule::trapezoid, QuadratureRule::simpson, QuadratureRule::gauss_legendre}) {
    const Attribution a =
        explain_integrated_gradients(model, x, {.rule = rule, .steps = 3}, options);
    expect_near(a.values, products, 1e-6);
    for (const double d : a.delta) EXPECT_NEAR(d, 0, 1e-6) << name_of(rule);
  }
  // One unit, one kink: f = relu(x0 + x1 - 1) at (2, 1) from zero is off for a third of the path.
  const ModelFn kink = [](const Tensor& v) { return relu(sum(v, {1}, true) - 1.0); };
  const Attribution a = explain_integrated_gradients(
      kink, Tensor::from<float>({2, 1}, Shape{1, 2}),
      {.rule = QuadratureRule::midpoint, .steps = 300}, {.target = Target::only_output()});
  expect_near(a.values, {4.0 / 3, 2.0 / 3}, 1e-5);
}

// P1: sum of attributions = f(x) - f(x').
TEST(Explain, IntegratedGradientsAreComplete) {
  const Tensor x = noise(10, Shape{5, 8});
  const Attribution smooth = explain_integrated_gradients(mlp(8, 3, true), x);
  for (const double d : smooth.relative_delta) EXPECT_LE(d, 1e-4);
  const Attribution adaptive = explain_integrated_gradients(
      mlp(8, 3, false), x, {.adaptive = true, .tolerance = 1e-3, .max_steps = 2187});
  for (std::size_t s = 0; s < 5; ++s) {
    if (adaptive.converged[s]) {
      EXPECT_LE(adaptive.relative_delta[s], 1e-3);
    } else {
      EXPECT_EQ(adaptive.steps[s], 2187);
    }
  }
}

TEST(Explain, BaselinesAreAveraged) {
  const Tensor x = noise(11, Shape{2, 4});
  const ModelFn model = mlp(4, 2, true);
  const Tensor one = Tensor::full(Shape{4}, 1), low = Tensor::scalar(-0.5);
  const auto with = [&](std::vector<Tensor> b) {
    return explain_integrated_gradients(model, x, {.baselines = std::move(b)})
        .values.to_vector<double>();
  };
  const auto a = with({one}), b = with({low}), both = with({one, low});
  for (std::size_t i = 0; i < both.size(); ++i) EXPECT_NEAR(both[i], (a[i] + b[i]) / 2, 1e-6);
}

// P4 and P5: a feature without influence gets exactly zero.
TEST(Explain, FeaturesWithoutInfluenceGetZero) {
  const ModelFn inner = mlp(3, 2, false);
  const ModelFn model = [&](const Tensor& x) { return inner(narrow(x, 1, 0, 3)); };
  const Tensor x = noise(12, Shape{4, 5});
  for (const Attribution& a :
       {explain_gradient(model, x), explain_smooth_grad(model, x, {.draws = 3}),
        explain_integrated_gradients(model, x, {.steps = 5})}) {
    const auto v = a.values.to_vector<double>();
    for (std::size_t s = 0; s < 4; ++s) {
      EXPECT_EQ(v[s * 5 + 3], 0) << a.method;
      EXPECT_EQ(v[s * 5 + 4], 0) << a.method;
    }
  }
}

// P10: the limits of SmoothGrad.
TEST(Explain, SmoothGradWithoutNoiseIsTheGradient) {
  const Tensor x = noise(13, Shape{3, 6});
  const ModelFn model = mlp(6, 3, true);
  const auto gradient = explain_gradient(model, x).values.to_vector<double>();
  const auto smooth = explain_smooth_grad(model, x, {.draws = 4, .sigma = 0});
  expect_near(smooth.values, gradient, 1e-7);
  expect_near(smooth.standard_error, std::vector<double>(18, 0.0), 1e-7);
  const auto variance = explain_smooth_grad(
      model, x, {.draws = 4, .sigma = 0, .statistic = SmoothGradOptions::Statistic::variance});
  expect_near(variance.values, std::vector<double>(18, 0.0), 1e-12);
}

// P12: the same bits alone, in any batch, with any batch size, for any number of threads.
TEST(ExplainThreads, ResultsDoNotDependOnBatchesOrThreads) {
  const Tensor x = noise(14, Shape{7, 10});
  const ModelFn model = mlp(10, 4, false);
  const auto run = [&](const Tensor& in, std::int64_t rows, int n) {
    set_threads(n);
    const ExplainOptions options{.target = Target::one(1), .pool = {.max_rows = rows}};
    auto a =
        explain_integrated_gradients(model, in, {.steps = 13}, options).values.to_vector<float>();
    const auto b = explain_smooth_grad(model, in, {.draws = 9}, options).values.to_vector<float>();
    a.insert(a.end(), b.begin(), b.end());
    set_threads(0);
    return a;
  };
  const auto whole = run(x, 256, 2);
  EXPECT_EQ(run(x, 256, 1), whole);
  EXPECT_EQ(run(x, 1, 2), whole);
  EXPECT_EQ(run(x, 5, 2), whole);
  const auto first = run(narrow(x, 0, 0, 1), 256, 1);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(first[i], whole[i]);
    EXPECT_EQ(first[10 + i], whole[70 + i]);
  }
}

// P20: the cap holds, and results do not change under it.
TEST(Explain, MemoryStaysBelowTheCap) {
  const Tensor x = noise(15, Shape{40, 64});
  const ModelFn model = mlp(64, 4, false);
  const Attribution free = explain_integrated_gradients(model, x, {.steps = 8});
  for (const std::int64_t cap : {30000, 60000, 200000}) {
    const Attribution a =
        explain_integrated_gradients(model, x, {.steps = 8}, {.pool = {.memory_bytes = cap}});
    EXPECT_LE(a.cost.peak_bytes, cap);
    EXPECT_EQ(a.values.to_vector<float>(), free.values.to_vector<float>());
  }
  EXPECT_THROW(explain_gradient(model, x, {.pool = {.memory_bytes = 100}}), Error);
}

TEST(Explain, EveryScalarHasItsGradient) {
  const Tensor x = noise(16, Shape{3, 5});
  const ModelFn model = mlp(5, 4, true);
  for (const auto kind : {ScalarKind::logit, ScalarKind::log_prob, ScalarKind::prob,
                          ScalarKind::margin, ScalarKind::contrast, ScalarKind::loss}) {
    const ExplainOptions options{.scalar = kind, .target = Target::one(2), .contrast = {0, 1, 3}};
    // The margin has kinks where the runner-up changes: the rule then converges like 1 / n only.
    const int steps = kind == ScalarKind::margin ? 2500 : 40;
    const Attribution a = explain_integrated_gradients(model, x, {.steps = steps}, options);
    for (const double d : a.relative_delta) EXPECT_LE(d, 2e-3) << name_of(kind);
  }
}

TEST(Explain, RefusesWhatItCannotExplain) {
  const Tensor x = noise(17, Shape{2, 4});
  const ModelFn model = mlp(4, 3, true);
  EXPECT_THROW(explain_gradient(model, x, {.target = Target::one(3)}), Error);
  EXPECT_THROW(explain_gradient(model, x, {.target = Target::per_sample({0, 1, 2})}), Error);
  EXPECT_THROW(explain_gradient(model, x, {.target = Target::only_output()}), Error);
  EXPECT_THROW(explain_gradient(model, x, {.scalar = ScalarKind::contrast}), Error);
  EXPECT_THROW(explain_gradient(model, Tensor::zeros(Shape{0, 4})), Error);
  EXPECT_THROW(explain_gradient(model, Tensor::full(Shape{1, 4}, NAN)), Error);
  EXPECT_THROW(explain_smooth_grad(model, x, {.draws = 0}), Error);
  EXPECT_THROW(explain_integrated_gradients(model, x, {.steps = 0}), Error);
  EXPECT_THROW(
      explain_integrated_gradients(model, x, {.rule = QuadratureRule::simpson, .steps = 4}), Error);
  EXPECT_THROW(explain_integrated_gradients(model, x, {.baselines = {Tensor::zeros(Shape{3})}}),
               Error);
  EXPECT_THROW(scalar_kind_from_name("logits"), Error);
}

TEST(Quadrature, IsExactToItsDegree) {
  const struct {
    QuadratureRule rule;
    int n, degree;
  } cases[] = {{QuadratureRule::left, 4, 0},           {QuadratureRule::right, 4, 0},
               {QuadratureRule::midpoint, 3, 1},       {QuadratureRule::trapezoid, 3, 1},
               {QuadratureRule::simpson, 5, 3},        {QuadratureRule::gauss_legendre, 1, 1},
               {QuadratureRule::gauss_legendre, 4, 7}, {QuadratureRule::gauss_legendre, 50, 99}};
  for (const auto& c : cases) {
    const Quadrature q = quadrature(c.rule, c.n);
    for (int degree = 0; degree <= c.degree + 1; ++degree) {
      double s = 0;
      for (std::size_t i = 0; i < q.nodes.size(); ++i) {
        s += q.weights[i] * std::pow(q.nodes[i], degree);
      }
      const double error = std::abs(s - 1.0 / (degree + 1));
      if (degree <= c.degree) {
        EXPECT_LE(error, 1e-14) << name_of(c.rule) << " " << c.n << " degree " << degree;
      } else if (c.n < 10) {
        EXPECT_GT(error, 1e-6) << name_of(c.rule) << " " << c.n;
      }
    }
  }
  const Quadrature three = quadrature(QuadratureRule::gauss_legendre, 3);
  EXPECT_NEAR(three.nodes[0], 0.5 - std::sqrt(15.0) / 10, 1e-15);
  EXPECT_NEAR(three.weights[1], 4.0 / 9, 1e-15);
}

}  // namespace
}  // namespace ingrad
