// SPDX-License-Identifier: Apache-2.0
// Sequential and Discretized Integrated Gradients: paths and values by hand, limits, completeness.
#include "attribution/paths/token_paths.h"

#include <gmock/gmock.h>

#include "attribution/explain.h"
#include "attribution/paths/embedding_path.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/golden_nets.h"
#include "tests/attribution/pool_promises.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

// Sequences of four tokens of four numbers.
ModelFn sequence_net(bool smooth) {
  const ModelFn inner = mlp(16, 3, smooth);
  return [inner](const Tensor& x) { return inner(flatten(x, 1)); };
}

std::vector<double> sums_of_tokens(const Attribution& a) {
  return sum(a.values, {2}).to_vector<double>();
}

// f = (sum of token 0) (sum of token 1), from 0: each token gets all of the product. Integrated
// Gradients share it.
TEST(SequentialIg, ByHand) {
  const ModelFn model = [](const Tensor& x) {
    const Tensor s = sum(x, {2});
    return narrow(s, 1, 0, 1) * narrow(s, 1, 1, 1);
  };
  const Tensor x = Tensor::from<float>({1, 2, 3, 2}, Shape{1, 2, 2});
  const Attribution a = explain_sequential_ig(model, x, {.steps = 3}, kOnly);
  const auto v = a.values.to_vector<double>();
  const double expected[] = {5, 10, 9, 6};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(v[i], expected[i], 1e-5);
  EXPECT_TRUE(a.delta.empty());
  EXPECT_EQ(a.cost.gradient_rows, 6);
  // The second token is at its baseline: nothing, at no cost.
  const std::vector<Tensor> pad = {Tensor::from<float>({3, 2}, Shape{2})};
  const Attribution b = explain_sequential_ig(model, x, {.steps = 3, .baselines = pad}, kOnly);
  const auto u = b.values.to_vector<double>();
  const double at_pad[] = {-10, 0, 0, 0};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(u[i], at_pad[i], 1e-5);
  EXPECT_EQ(b.cost.gradient_rows, 3);
}

// The values of a token add up to what f loses with it.
TEST(SequentialIg, IsCompleteTokenByToken) {
  const ModelFn model = sequence_net(true);
  const Tensor x = noise(110, Shape{3, 4, 4}), mask = noise(111, Shape{4});
  const Attribution a = explain_sequential_ig(model, x, {.baselines = {mask}}, kFirst);
  const auto got = sums_of_tokens(a);
  for (std::int64_t i = 0; i < 4; ++i) {
    const Tensor without = Tensor::from(x.to_vector<float>(), x.shape());
    for (std::int64_t s = 0; s < 3; ++s) {
      std::copy_n(mask.data<float>(), 4, without.mutable_data<float>() + (s * 4 + i) * 4);
    }
    const auto lost = narrow(model(x) - model(without), 1, 0, 1).to_vector<double>();
    for (std::size_t s = 0; s < 3; ++s) {
      EXPECT_NEAR(got[s * 4 + static_cast<std::size_t>(i)], lost[s], 1e-5);
    }
  }
}

TEST(SequentialIg, OfALinearModel) {
  const Tensor x = noise(112, Shape{2, 4, 4}), w = noise(113, Shape{1, 16});
  const ModelFn model = [&](const Tensor& in) { return linear(flatten(in, 1), w); };
  const std::vector<Tensor> bases = {noise(114, Shape{4}), Tensor::zeros(Shape{})};
  const Attribution a = explain_sequential_ig(model, x, {.steps = 1, .baselines = bases}, kOnly);
  expect_golden(a.values, reshape(w, Shape{1, 4, 4}) * (x - bases[0] * 0.5), 1e-5, "linear");
}

std::vector<float> path_of(const DiscretizedIgOptions& o, std::vector<float> token,
                           std::vector<float> baseline) {
  EmbeddingPaths paths(o, static_cast<std::int64_t>(token.size()), Location::current());
  std::vector<float> points(token.size() * static_cast<std::size_t>(o.steps + 1));
  paths.write(token, baseline, points.data(), token.size());
  return points;
}

TEST(DiscretizedIg, PathsGoThroughTheVocabulary) {
  using Points = std::vector<float>;
  const Tensor line = Tensor::from<float>({0, 1, 2, 3, 4, 9}, Shape{6, 1});
  const auto on_line = [&](int steps, int neighbours) {
    return path_of({.vocabulary = line, .steps = steps, .neighbours = neighbours}, {4}, {0});
  };
  EXPECT_EQ(on_line(1, 3), (Points{4, 0}));
  EXPECT_EQ(on_line(2, 1), (Points{4, 3, 0}));
  EXPECT_EQ(on_line(3, 2), (Points{4, 3, 2, 0}));
  EXPECT_EQ(on_line(4, 2), (Points{4, 3, 2, 1, 0}));
  // From 1 only 0, 2 and 3 are near, the baseline and two that the path has had: straight on.
  EXPECT_EQ(on_line(5, 2), (Points{4, 3, 2, 1, 0.5F, 0}));
  // A token that is no entry of the vocabulary.
  EXPECT_EQ(path_of({.vocabulary = line, .steps = 2, .neighbours = 1}, {3.25F}, {-1}),
            (Points{3.25F, 3, -1}));
  // At its baseline it stays.
  EXPECT_EQ(path_of({.vocabulary = line, .steps = 2}, {4}, {4}), (Points{4, 4, 4}));
  // Coordinates beyond the last point or the baseline: half of what is left.
  const Tensor one = Tensor::from<float>({1.5F, -1}, Shape{1, 2});
  EXPECT_EQ(path_of({.vocabulary = one, .steps = 2}, {2, 0}, {0, 2}),
            (Points{2, 0, 1.5F, 1, 0, 2}));
}

TEST(DiscretizedIg, StrategiesChooseDifferently) {
  using Strategy = DiscretizedIgOptions::Strategy;
  // Two coordinates a little outside, or one far outside.
  const Tensor two = Tensor::from<float>({1, -0.1F, -0.1F, 1, 1, 9}, Shape{2, 3});
  const std::vector<float> token = {2, 0, 0}, baseline = {0, 2, 2};
  DiscretizedIgOptions o{.vocabulary = two, .steps = 2, .neighbours = 2};
  EXPECT_EQ(path_of(o, token, baseline), (std::vector<float>{2, 0, 0, 1, 1, 1, 0, 2, 2}));
  o.vocabulary = Tensor::from<float>({1, -0.1F, -0.1F, 0.5F, 1.5F, 9}, Shape{2, 3});
  o.strategy = Strategy::max_count;
  EXPECT_EQ(path_of(o, token, baseline), (std::vector<float>{2, 0, 0, 0.5F, 1.5F, 1, 0, 2, 2}));
}

// f = x^3: by trapezoids over 4, 3, 0 and over 4, 3, 2, 0.
TEST(DiscretizedIg, ByHand) {
  const ModelFn model = [](const Tensor& x) { return reshape(x * x * x, {x.dim(0), 1}); };
  const Tensor line = Tensor::from<float>({0, 1, 2, 3, 4, 9}, Shape{6, 1});
  const Tensor x = Tensor::full(Shape{1, 1, 1}, 4);
  const Attribution a =
      explain_discretized_ig(model, x, {.vocabulary = line, .steps = 2, .neighbours = 1}, kOnly);
  EXPECT_EQ(a.values.item(), 78);
  EXPECT_EQ(a.delta[0], 14);
  EXPECT_EQ(a.f_baseline[0], 0);
  EXPECT_EQ(a.cost.gradient_rows, 3);
  EXPECT_EQ(
      explain_discretized_ig(model, x, {.vocabulary = line, .steps = 3, .neighbours = 2}, kOnly)
          .values.item(),
      69);
}

// Without embeddings to go through: Integrated Gradients by the trapezoid rule.
TEST(DiscretizedIg, LimitIsIntegratedGradients) {
  const ModelFn model = sequence_net(true);
  const Tensor x = noise(115, Shape{3, 4, 4});
  const std::vector<Tensor> bases = {Tensor::full(Shape{4}, 0.25), noise(116, Shape{4})};
  for (const Tensor& base : bases) {
    const DiscretizedIgOptions o{
        .vocabulary = reshape(base, Shape{1, 4}), .steps = 8, .baselines = {base}};
    expect_golden(
        explain_discretized_ig(model, x, o, kFirst).values,
        explain_integrated_gradients(
            model, x, {.rule = QuadratureRule::trapezoid, .steps = 9, .baselines = {base}}, kFirst)
            .values,
        1e-5, "straight");
  }
}

// P1, P2: exact for linear models over any path; in the limit for a smooth net.
TEST(DiscretizedIg, IsComplete) {
  const Tensor x = noise(117, Shape{3, 4, 4}), vocabulary = noise(118, Shape{500, 4});
  const Tensor w = noise(113, Shape{1, 16});
  const ModelFn model = [&](const Tensor& in) { return linear(flatten(in, 1), w); };
  const std::vector<Tensor> bases = {Tensor::zeros(Shape{}), noise(119, Shape{4})};
  DiscretizedIgOptions o{.vocabulary = vocabulary, .steps = 10, .baselines = bases};
  expect_golden(explain_discretized_ig(model, x, o, kOnly).values,
                reshape(w, Shape{1, 4, 4}) * (x - bases[1] * 0.5), 1e-5, "linear");
  for (const auto strategy :
       {DiscretizedIgOptions::Strategy::greedy, DiscretizedIgOptions::Strategy::max_count}) {
    o.strategy = strategy;
    const auto worst = [&](int subdivisions) {
      o.subdivisions = subdivisions;
      double largest = 0;
      for (const double d : explain_discretized_ig(sequence_net(true), x, o, kFirst).delta) {
        largest = std::max(largest, std::abs(d));
      }
      return largest;
    };
    const double coarse = worst(8), fine = worst(32);  // the trapezoid rule: like n^-2
    EXPECT_LT(fine, 1e-3);
    EXPECT_NEAR(coarse / fine, 16, 3);
  }
}

TEST(TokenPaths, KeepThePromisesOfThePool) {
  const ModelFn model = sequence_net(false);
  const Tensor x = noise(120, Shape{5, 4, 4}), vocabulary = noise(121, Shape{30, 4});
  expect_pool_promises(
      [&](const Tensor& in, const ExplainOptions& o) {
        return explain_sequential_ig(model, in, {.steps = 5}, o);
      },
      x, "sequential");
  expect_pool_promises(
      [&](const Tensor& in, const ExplainOptions& o) {
        return explain_discretized_ig(model, in, {.vocabulary = vocabulary, .steps = 6}, o);
      },
      x, "discretized");
}

TEST(TokenPaths, Refusals) {
  const Tensor x = noise(122, Shape{2, 4, 4}), flat = noise(123, Shape{2, 6});
  const ModelFn model = sequence_net(true);
  expect_refusal([&] { explain_sequential_ig(mlp(6, 2, true), flat, {}); }, "[N, L, D]");
  expect_refusal([&] { explain_sequential_ig(model, x, {.steps = 0}); }, "0");
  expect_refusal([&] { explain_discretized_ig(mlp(6, 2, true), flat, {}); }, "[N, L, D]");
  expect_refusal([&] { explain_discretized_ig(model, x, {}); }, "vocabulary undefined");
  const Tensor wide = Tensor::zeros(Shape{7, 5});
  expect_refusal([&] { explain_discretized_ig(model, x, {.vocabulary = wide}); }, "[V, 4]");
  const Tensor good = Tensor::zeros(Shape{7, 4});
  expect_refusal([&] { explain_discretized_ig(model, x, {.vocabulary = good, .steps = 0}); },
                 "0 steps");
  expect_refusal([&] { explain_discretized_ig(model, x, {.vocabulary = good, .subdivisions = 0}); },
                 "0 subdivisions");
  expect_refusal([&] { explain_discretized_ig(model, x, {.vocabulary = good, .neighbours = 0}); },
                 "0 neighbours");
}

}  // namespace
}  // namespace ingrad
