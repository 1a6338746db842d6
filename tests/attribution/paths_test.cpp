// SPDX-License-Identifier: Apache-2.0
// Expected Gradients and Guided IG: limits, values by hand, other libraries' values, sampling.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "attribution/baseline_choices.h"
#include "attribution/explain.h"
#include "attribution/noise_tunnel.h"
#include "attribution/paths/expected_gradients.h"
#include "attribution/paths/guided_ig.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/golden_nets.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

// Beside values that were sampled as well.
void expect_within_errors(const Attribution& a, const Tensor& expected, const Tensor& its_error,
                          double deviations, const std::string& what) {
  const auto v = a.values.to_vector<double>(), e = a.standard_error.to_vector<double>();
  const auto truth = expected.to_vector<double>(), s = its_error.to_vector<double>();
  ASSERT_EQ(v.size(), truth.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    EXPECT_LE(std::abs(v[i] - truth[i]), deviations * std::hypot(e[i], s[i]) + 1e-6)
        << what << " " << i;
  }
}

TEST(ExpectedGradients, OfALinearModelNeedNoLuck) {
  const Tensor w = noise(80, Shape{1, 5}), x = noise(81, Shape{3, 5});
  const ModelFn model = affine(w, Tensor::full(Shape{1}, 0.3));
  const std::vector<Tensor> bases = {noise(82, Shape{5}), noise(83, Shape{3, 5}),
                                     noise(84, Shape{1, 5})};
  const Tensor expected = w * (x - (bases[0] + bases[1] + bases[2]) / 3.0);
  const Attribution a =
      explain_expected_gradients(model, x, {.baselines = bases, .draws = 6}, kOnly);
  expect_golden(a.values, expected, 1e-5, "three baselines, each twice");
  for (std::size_t s = 0; s < 3; ++s) EXPECT_NEAR(a.delta[s], 0, 1e-5);
  for (const double e : a.standard_error.to_vector<double>()) EXPECT_NEAR(e, 0, 1e-6);
  EXPECT_EQ(a.cost.gradient_rows, 18);
  EXPECT_EQ(a.cost.forward_rows, 3 + 9);
  // Four draws of three baselines are by chance; sums are still those of the ones that were drawn.
  const Attribution b =
      explain_expected_gradients(model, x, {.baselines = bases, .draws = 4}, kOnly);
  for (std::size_t s = 0; s < 3; ++s) EXPECT_NEAR(b.delta[s], 0, 1e-5);
  // Without the factor x - x': the gradient.
  const Attribution g = explain_expected_gradients(
      model, x, {.baselines = bases, .draws = 3, .multiply_by_inputs = false}, kOnly);
  expect_golden(g.values, expand(w, Shape{3, 5}), 1e-6, "mean gradient");
  EXPECT_TRUE(g.delta.empty());
}

// P10, P18: in the mean Integrated Gradients over the baselines; errors are what they say.
TEST(ExpectedGradients, AreIntegratedGradientsInTheMean) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(85, Shape{4, 6});
  const std::vector<Tensor> bases = {Tensor::zeros(Shape{}), noise(86, Shape{6})};
  const Tensor exact =
      explain_integrated_gradients(model, x, {.steps = 60, .baselines = bases}, kFirst).values;
  const auto with = [&](ExpectedGradientsOptions o) {
    o.baselines = bases;
    return explain_expected_gradients(model, x, o, kFirst);
  };
  const Tensor none = Tensor::zeros(x.shape());
  const auto mean_error = [](const Attribution& a) { return mean(a.standard_error).item(); };
  for (const bool enumerated : {true, false}) {
    for (const bool stratified : {true, false}) {
      const ExpectedGradientsOptions few{
          .draws = 64, .stratified = stratified, .enumerated = enumerated};
      ExpectedGradientsOptions many = few;
      many.draws = 640;
      const std::string what = fmt::format("{} {}", enumerated, stratified);
      const Attribution a = with(few), b = with(many);
      // Of 96 values together, the largest of normal deviations is below 4.5 in all but 1 of 1500
      // cases.
      expect_within_errors(a, exact, none, 4.5, what + " few");
      expect_within_errors(b, exact, none, 4.5, what + " many");
      // Independent draws: n^-1/2. Every baseline at stratified places: n^-3/2.
      const double rate = std::log10(mean_error(a) / mean_error(b));
      if (enumerated && stratified) {
        EXPECT_NEAR(rate, 1.5, 0.15) << what;
      } else {
        EXPECT_NEAR(rate, 0.5, 0.1) << what;
      }
    }
  }
  // The error of independent draws is that seen over seeds.
  std::vector<double> values, errors;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Attribution a =
        with({.draws = 20, .stratified = false, .enumerated = false, .seed = seed});
    values.push_back(a.values.to_vector<double>()[2]);
    errors.push_back(a.standard_error.to_vector<double>()[2]);
  }
  double spread = 0, said = 0;
  const double truth = exact.to_vector<double>()[2];
  for (std::size_t i = 0; i < values.size(); ++i) {
    spread += (values[i] - truth) * (values[i] - truth) / 200;
    said += errors[i] * errors[i] / 200;
  }
  EXPECT_NEAR(spread / said, 1, 0.3);  // a chi-squared of 200: deviation 0.1
  EXPECT_TRUE(std::isnan(with({.draws = 1}).standard_error.to_vector<double>()[0]));
}

// With as many draws as baselines every baseline still sees all of its path.
TEST(ExpectedGradients, EnumeratedBaselinesAreNotBoundToPlaces) {
  // df/dx = 2 x: from 0 and from 0.5 to 1 the integrals are 1 and 0.75.
  const ModelFn model = [](const Tensor& x) { return x * x; };
  const Tensor x = Tensor::ones(Shape{1, 1});
  const std::vector<Tensor> bases = {Tensor::scalar(0.0F), Tensor::scalar(0.5F)};
  double total = 0, squares = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const double v =
        explain_expected_gradients(model, x, {.baselines = bases, .draws = 2, .seed = seed}, kOnly)
            .values.item();
    total += v;
    squares += v * v;
  }
  const double mean = total / 400, error = std::sqrt((squares / 400 - mean * mean) / 400);
  EXPECT_NEAR(mean, 0.875, 4 * error);
  EXPECT_LT(error, 0.02);
}

TEST(PathsGolden, GradientShapAndNoiseTunnelOfCaptum) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("paths");
  const ExplainOptions rows{.target = nets.row_classes};
  const std::vector<Tensor> bases = {Tensor::scalar(0.0F), Tensor::scalar(0.25F)};
  const ModelFn mlp = nets.mlp();
  const Attribution plain =
      explain_expected_gradients(mlp, nets.rows, {.baselines = bases, .draws = 2000}, rows);
  expect_within_errors(plain, golden.at("gradient_shap"), golden.at("gradient_shap.error"), 4.5,
                       "gradient_shap");
  // A third of Captum's error, at a twentieth of its draws.
  EXPECT_LT(mean(plain.standard_error).item(), 0.5 * mean(golden.at("gradient_shap.error")).item());
  const Attribution noisy = explain_expected_gradients(
      mlp, nets.rows,
      {.baselines = bases, .draws = 20000, .noise = {.sigma = 0.3, .relative_sigma = false}}, rows);
  expect_within_errors(noisy, golden.at("gradient_shap.noisy"),
                       golden.at("gradient_shap.noisy.error"), 4.5, "noisy");
  EXPECT_TRUE(noisy.delta.empty());
  const Explainer ig = [](const ModelFn& m, const Tensor& x, const ExplainOptions& o) {
    return explain_integrated_gradients(m, x, {.steps = 20}, o);
  };
  const Attribution tunnel = explain_noise_tunnel(
      mlp, nets.rows, ig, {.draws = 2000, .noise = {.sigma = 0.3, .relative_sigma = false}}, rows);
  expect_within_errors(tunnel, golden.at("tunnel.integrated_gradients"),
                       golden.at("tunnel.integrated_gradients.error"), 4.5, "tunnel");
}

TEST(PathsGolden, GuidedIg) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("paths");
  const ModelFn mlp = nets.mlp(), cnn = nets.cnn();
  const std::vector<Tensor> base = {Tensor::scalar(0.25F)};
  const ExplainOptions rows{.target = nets.row_classes}, pictures{.target = nets.picture_classes};
  // Which features come first is the same in f32 as in f64: the rest is rounding.
  expect_golden(explain_guided_ig(mlp, nets.rows, {.steps = 50, .baselines = base}, rows).values,
                golden.at("guided_ig.fine"), 1e-5, "fine");
  expect_golden(explain_guided_ig(
                    mlp, nets.rows,
                    {.steps = 10, .fraction = 0.5, .max_distance = 0.3, .baselines = base}, rows)
                    .values,
                golden.at("guided_ig.coarse"), 1e-5, "coarse");
  expect_golden(
      explain_guided_ig(cnn, nets.pictures, {.steps = 20, .max_distance = 0.1}, pictures).values,
      golden.at("guided_ig.pictures"), 1e-5, "pictures");
}

// f = x0 x1 at (1, 1) from 0, where both gradients are zero and equal. Both may move: they do so
// together; from then on gradients stay equal, so that this is the straight path.
TEST(GuidedIg, ByHand) {
  const ModelFn product = [](const Tensor& x) { return narrow(x, 1, 0, 1) * narrow(x, 1, 1, 1); };
  const Tensor ones = Tensor::ones(Shape{1, 2});
  const Attribution even = explain_guided_ig(product, ones, {.steps = 4, .max_distance = 1}, kOnly);
  // Left rule: sum over k of (k / 4) / 4 = 3 / 8 each.
  EXPECT_EQ(even.values.to_vector<double>(), (std::vector<double>{0.375, 0.375}));
  EXPECT_EQ(even.delta[0], -0.25);
  // f = 3 x0 + x1^2 / 2: x1, of gradient x1 < 3, moves first, in two steps of 1/2 with gradients 0
  // and 1/2; then x0 does.
  const ModelFn sum = [](const Tensor& x) {
    const Tensor second = narrow(x, 1, 1, 1);
    return narrow(x, 1, 0, 1) * 3.0 + second * second * 0.5;
  };
  const Attribution a = explain_guided_ig(sum, ones, {.steps = 4, .max_distance = 1}, kOnly);
  EXPECT_EQ(a.values.to_vector<double>(), (std::vector<double>{3, 0.25}));
  EXPECT_EQ(a.steps[0], 4);
  EXPECT_EQ(a.cost.gradient_rows, 4);
  // A feature at its baseline gets nothing; nor do any where x = x'.
  const Tensor half = Tensor::from<float>({1, 0}, Shape{1, 2});
  EXPECT_EQ(explain_guided_ig(sum, half, {}, kOnly).values.to_vector<double>()[1], 0);
  const Attribution same = explain_guided_ig(sum, ones, {.baselines = {ones}}, kOnly);
  EXPECT_EQ(same.values.to_vector<double>(), (std::vector<double>{0, 0}));
  EXPECT_EQ(same.delta[0], 0);
}

// P10: no distance, or all features at a time: Integrated Gradients by the left rule.
TEST(GuidedIg, LimitsAreIntegratedGradients) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(87, Shape{3, 6});
  const std::vector<Tensor> bases = {Tensor::scalar(-0.5F), noise(88, Shape{6})};
  const Tensor left =
      explain_integrated_gradients(
          model, x, {.rule = QuadratureRule::left, .steps = 16, .baselines = bases}, kFirst)
          .values;
  for (const auto& [fraction, distance] : {std::pair{0.25, 0.0}, {1.0, 0.3}, {1.0, 1.0}}) {
    expect_golden(
        explain_guided_ig(
            model, x,
            {.steps = 16, .fraction = fraction, .max_distance = distance, .baselines = bases},
            kFirst)
            .values,
        left, 1e-5, fmt::format("fraction {} distance {}", fraction, distance));
  }
}

// P2: on a linear model any path gives w (x - x').
TEST(GuidedIg, OfALinearModel) {
  const Tensor w = noise(91, Shape{1, 7}), x = noise(92, Shape{3, 7}), base = noise(93, Shape{7});
  const ModelFn model = affine(w, Tensor::full(Shape{1}, 0.3));
  for (const double distance : {0.02, 0.4, 1.0}) {
    const Attribution a = explain_guided_ig(
        model, x, {.steps = 9, .fraction = 0.1, .max_distance = distance, .baselines = {base}},
        kOnly);
    expect_golden(a.values, w * (x - base), 1e-6, fmt::format("distance {}", distance));
    for (const double d : a.relative_delta) EXPECT_LE(d, 1e-5);
  }
}

// P1: delta goes to zero with the steps (the left rule: like 1 / n).
TEST(GuidedIg, IsCompleteInTheLimit) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(89, Shape{8, 6});
  const auto worst = [&](int steps) {
    double largest = 0;
    for (const double d : explain_guided_ig(model, x, {.steps = steps}, kFirst).delta) {
      largest = std::max(largest, std::abs(d));
    }
    return largest;
  };
  const double coarse = worst(100), fine = worst(1600);
  EXPECT_LT(coarse, 0.1);
  EXPECT_NEAR(coarse / fine, 16, 4);
}

TEST(BaselineChoices, AreWhatTheySay) {
  const InputDomain domain{.mean = {0.5, 0.25}, .deviation = {0.5}};
  const auto two = black_and_white_baselines(Shape{2, 1, 2}, 0, 1, domain);
  EXPECT_EQ(two[0].to_vector<float>(), (std::vector<float>{-1, -1, -0.5F, -0.5F}));
  EXPECT_EQ(two[1].to_vector<float>(), (std::vector<float>{1, 1, 1.5F, 1.5F}));
  const Tensor data = Tensor::from<float>({1, 2, 3, 4, 5, 9}, Shape{3, 2});
  EXPECT_EQ(mean_baseline(data).to_vector<float>(), (std::vector<float>{3, 5}));
  const auto drawn = sampled_baselines(data, 3, 7);
  EXPECT_EQ((drawn[0] + drawn[1] + drawn[2]).to_vector<float>(), (std::vector<float>{9, 15}));
  const Tensor far =
      most_distant_baseline(data, Tensor::scalar(0.0F), Tensor::from<float>({4, 18}, Shape{2}));
  EXPECT_EQ(far.to_vector<float>(), (std::vector<float>{4, 18, 0, 18, 0, 0}));
  const auto uniform = uniform_baselines(data, -1, 1, 4);
  const auto later = uniform_baselines(narrow(data, 0, 2, 1), -1, 1, 4, 1, 2);
  EXPECT_EQ(narrow(uniform[3], 0, 2, 1).to_vector<float>(), later[3].to_vector<float>());
  EXPECT_NE(uniform[0].to_vector<float>(), uniform[1].to_vector<float>());
  for (const float v : uniform[0].to_vector<float>()) EXPECT_LT(std::abs(v), 1);
  expect_refusal([&] { sampled_baselines(data, 4); }, "4 of 3 rows");
  expect_refusal([&] { blurred_baseline(data, 1); }, "pictures");
  expect_refusal([&] { most_distant_baseline(data, Tensor::scalar(1.0F), Tensor::scalar(0.0F)); },
                 "bounds");
  expect_refusal([&] { constant_baseline(Shape{3, 2}, 0, domain); }, "2 values of the mean");
}

TEST(Paths, Refusals) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(90, Shape{2, 6});
  expect_refusal([&] { explain_expected_gradients(model, x, {.draws = 0}); }, "0 draws");
  expect_refusal([&] { explain_expected_gradients(model, x, {.noise = {.sigma = -2}}); }, "-2");
  expect_refusal(
      [&] { explain_expected_gradients(model, x, {.baselines = {Tensor::zeros(Shape{5})}}); },
      "does not broadcast");
  expect_refusal([&] { explain_expected_gradients(model, x, {.baselines = {Tensor()}}); },
                 "undefined");
  expect_refusal(
      [&] {
        explain_guided_ig(model, x, {.baselines = {Tensor::zeros(Shape{3, 6})}});
      },
      "does not broadcast");
  expect_refusal([&] { explain_guided_ig(model, x, {.steps = 0}); }, "0 steps");
  expect_refusal([&] { explain_guided_ig(model, x, {.fraction = 1.5}); }, "fraction 1.5");
  expect_refusal([&] { explain_guided_ig(model, x, {.max_distance = -1}); }, "distance -1");
}

}  // namespace
}  // namespace ingrad
