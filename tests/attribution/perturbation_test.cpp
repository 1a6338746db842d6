// SPDX-License-Identifier: Apache-2.0
// Explainers by perturbation: values by hand, other libraries' values, exactness, standard errors.
#include <gmock/gmock.h>

#include <cmath>

#include "attribution/explain.h"
#include "attribution/perturbation/ablation.h"
#include "attribution/perturbation/lime.h"
#include "attribution/perturbation/linear_fit.h"
#include "attribution/perturbation/masks.h"
#include "attribution/perturbation/shapley.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/golden_nets.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

TEST(Features, AreNumberedInOrder) {
  const Features grid = Features::grid(Shape{2, 3, 5}, 2, 3);
  EXPECT_EQ(grid.count(0), 4);
  const auto ids = grid.ids(7);
  EXPECT_EQ(std::vector<std::int32_t>(ids.begin(), ids.begin() + 15),
            (std::vector<std::int32_t>{0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3}));
  const Features masks = Features::from_ids(
      Tensor::from<std::int64_t>({7, -3, 7, 40}, Shape{1, 2, 2}), Shape{2, 2, 2});
  EXPECT_EQ(masks.count(0), 3);
  const auto dense = masks.ids(0);
  EXPECT_EQ(std::vector<std::int32_t>(dense.begin(), dense.end()),
            (std::vector<std::int32_t>{1, 0, 1, 2, 1, 0, 1, 2}));
  const Features each =
      Features::from_ids(Tensor::from<std::int64_t>({0, 0, 0, 1}, Shape{2, 2}), Shape{2});
  EXPECT_EQ(each.count(0), 1);
  EXPECT_EQ(each.count(1), 2);
  expect_refusal([] { Features::grid(Shape{1, 4, 4}, 5, 1); }, "cells of 5 x 1");
  expect_refusal([] { Features::from_ids(Tensor::zeros(Shape{3}), Shape{3}); }, "integers");
}

// f = x0 x1 + 2 x2 at (1, 2, 3): products share, sums do not.
TEST(Perturbation, ByHand) {
  const ModelFn model = [](const Tensor& x) {
    return narrow(x, 1, 0, 1) * narrow(x, 1, 1, 1) + narrow(x, 1, 2, 1) * 2.0;
  };
  const Tensor x = Tensor::from<float>({1, 2, 3}, Shape{1, 3});
  expect_values(explain_feature_ablation(model, x, {}, kOnly), {2, 2, 6}, 1e-6);
  expect_values(explain_shapley(model, x, {}, kOnly), {1, 1, 6}, 1e-6);
  // Groups {0, 1} and {2}; a second baseline at which the product is 1.
  const Features pair =
      Features::from_ids(Tensor::from<std::int64_t>({5, 5, 9}, Shape{3}), Shape{3});
  const std::vector<Tensor> two = {Tensor::zeros(Shape{3}), Tensor::ones(Shape{3})};
  const Attribution grouped =
      explain_shapley(model, x, {.features = pair, .baselines = two}, kOnly);
  expect_values(grouped, {1.5, 1.5, 5}, 1e-6);  // means of 2 and 1, of 6 and 4
  EXPECT_EQ(grouped.f_baseline[0], 1.5);
  EXPECT_NEAR(grouped.delta[0], 0, 1e-6);
  // One order is enough where nothing interacts; here the pair is split by antithetic orders.
  expect_values(explain_shapley_sampling(model, x, {.pairs = 1}, kOnly), {1, 1, 6}, 1e-6);
  expect_values(explain_kernel_shap(model, x, {}, kOnly), {1, 1, 6}, 1e-6);
  // Groups of features: Owen's values are Shapley's where groups do not interact.
  expect_values(explain_owen(model, x, {.groups = {4, 4, 1}}, kOnly), {1, 1, 6}, 1e-6);
  // f = x0 x1 x2: with {0, 1} together, the pair and 2 get half each.
  const ModelFn product = [](const Tensor& v) { return prod(v, {1}, true); };
  const Tensor ones = Tensor::full(Shape{1, 3}, 2);
  expect_values(explain_owen(product, ones, {.groups = {0, 0, 1}}, kOnly), {2, 2, 4}, 1e-6);
  expect_values(explain_shapley(product, ones, {}, kOnly), {8.0 / 3, 8.0 / 3, 8.0 / 3}, 1e-6);
}

TEST(Perturbation, OcclusionCountsTheWindowsThatCover) {
  const ModelFn total = [](const Tensor& x) { return sum(reshape(x, {x.dim(0), 5}), {1}, true); };
  const Tensor x = Tensor::from<float>({1, 2, 4, 8, 16}, Shape{1, 1, 5});
  // Windows [0, 3), [2, 5): 7 and 28; the middle one has both.
  expect_values(explain_occlusion(total, x, {.window = {3}, .stride = {2}}, kOnly),
                {7, 7, 17.5, 28, 28}, 1e-6);
  // The last window is cut: [0, 2), [2, 4), [4, 5).
  expect_values(explain_occlusion(total, x, {.window = {2}}, kOnly), {3, 3, 12, 12, 16}, 1e-6);
  // The whole sample at once: f(x) - f(x').
  expect_values(explain_occlusion(total, x, {.window = {5}}, kOnly), {31, 31, 31, 31, 31}, 1e-6);
  expect_refusal([&] { explain_occlusion(total, x, {.window = {6}}, kOnly); }, "[6]");
  expect_refusal([&] { explain_occlusion(total, x, {.window = {2}, .stride = {3}}, kOnly); },
                 "leave no gaps");
}

TEST(Perturbation, PermutationMovesValuesBetweenSamples) {
  // Of two samples a permutation either swaps them or not; f = x0 + 10 x1.
  const ModelFn model = affine(Tensor::from<float>({1, 10}, Shape{1, 2}), Tensor::zeros(Shape{1}));
  const Tensor x = Tensor::from<float>({0, 0, 1, 1}, Shape{2, 2});
  const Attribution a = explain_feature_permutation(model, x, {.permutations = 400}, kOnly);
  const auto v = a.values.to_vector<double>(), e = a.standard_error.to_vector<double>();
  const double expected[] = {-0.5, -5, 0.5, 5};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(v[i], expected[i], 4 * e[i]);
    EXPECT_NEAR(e[i], std::abs(expected[i]) / 20, std::abs(expected[i]) / 200);
  }
  expect_refusal([&] { explain_feature_permutation(model, narrow(x, 0, 0, 1), {}, kOnly); },
                 "at least two samples");
}

// Captum, SHAP and scikit-learn, in double.
TEST(PerturbationGolden, CaptumAndShap) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("perturbation");
  const ExplainOptions rows{.target = nets.row_classes}, pictures{.target = nets.picture_classes};
  const Features groups =
      Features::from_ids(Tensor::from<std::int64_t>({0, 0, 1, 2, 2, 1}, Shape{6}), Shape{6});
  const std::vector<Tensor> base = {Tensor::scalar(0.25F)};
  const ModelFn mlp = nets.mlp(), cnn = nets.cnn();
  const auto expect = [&](const Attribution& a, const std::string& name) {
    expect_golden(a.values, golden.at(name), 1e-5, name);  // differences of f, in f32
  };
  expect(explain_feature_ablation(mlp, nets.rows, {}, rows), "ablation.elements");
  expect(explain_feature_ablation(mlp, nets.rows, {groups, base}, rows), "ablation.groups");
  expect(explain_occlusion(cnn, nets.pictures, {}, pictures), "occlusion.even");
  expect(explain_occlusion(cnn, nets.pictures, {.window = {3, 4}, .stride = {2, 3}}, pictures),
         "occlusion.overlapping");
  expect(explain_occlusion(cnn, nets.pictures,
                           {.window = {1, 3, 3}, .baselines = {Tensor::scalar(0.5F)}}, pictures),
         "occlusion.channels");
  expect(explain_shapley(mlp, nets.rows, {.baselines = base}, rows), "shapley.elements");
  expect(explain_shapley(mlp, nets.rows, {groups, base}, rows), "shapley.groups");
  const Attribution kernel = explain_kernel_shap(
      mlp, nets.rows, {.baselines = {Tensor::scalar(0.0F), Tensor::scalar(0.25F)}}, rows);
  expect_golden(kernel.values, golden.at("kernel_shap.two_baselines"), 1e-5, "kernel_shap");
  for (const double e : kernel.standard_error.to_vector<double>()) EXPECT_EQ(e, 0);
}

TEST(PerturbationGolden, PenalisedFitsAreThoseOfScikitLearn) {
  const Safetensors golden = golden_explainers("perturbation");
  const auto x = golden.at("fit.x").to_vector<double>(), y = golden.at("fit.y").to_vector<double>(),
             w = golden.at("fit.w").to_vector<double>();
  const std::pair<std::string, Penalty> cases[] = {{"fit.ridge", {.ridge = 1.5}},
                                                   {"fit.lasso", {.lasso = 0.05}}};
  for (const auto& [name, penalty] : cases) {
    const LinearFit fit = fit_linear(x, 7, y, w, penalty);
    expect_golden(Tensor::from(fit.coefficients, {7}), golden.at(name), 1e-9, name);
    EXPECT_NEAR(fit.intercept, golden.at(name + ".intercept").item(), 1e-9);
    EXPECT_NEAR(fit.r_squared, golden.at(name + ".r_squared").item(), 1e-9);
  }
}

// P18 and P10: sampled values are within their errors of the exact ones, and errors shrink.
TEST(Perturbation, SampledShapleyValuesAreNearTheExactOnes) {
  const ModelFn model = mlp(9, 3, false);
  const Tensor x = noise(60, Shape{4, 9});
  const Attribution exact = explain_shapley(model, x, {}, kFirst);
  const auto check = [&](const Attribution& a, const std::string& what) {
    const auto v = a.values.to_vector<double>(), e = a.standard_error.to_vector<double>(),
               truth = exact.values.to_vector<double>();
    double mean_error = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      EXPECT_LE(std::abs(v[i] - truth[i]), 4 * e[i] + 1e-6) << what << " " << i;
      mean_error += e[i] / static_cast<double>(v.size());
    }
    for (const double d : a.relative_delta) EXPECT_LE(d, 1e-5) << what;
    return mean_error;
  };
  const double few = check(explain_shapley_sampling(model, x, {.pairs = 60}, kFirst), "60 pairs");
  const double many =
      check(explain_shapley_sampling(model, x, {.pairs = 500}, kFirst), "500 pairs");
  EXPECT_NEAR(many / few, std::sqrt(60.0 / 500), 0.05);
  const double small = check(explain_kernel_shap(model, x, {.samples = 100}, kFirst), "kernel 100");
  const double large = check(explain_kernel_shap(model, x, {.samples = 400}, kFirst), "kernel 400");
  EXPECT_LT(large, small);
  // Errors that one pair cannot show are not called zero.
  for (const double e : explain_shapley_sampling(model, x, {.pairs = 1}, kFirst)
                            .standard_error.to_vector<double>()) {
    EXPECT_TRUE(std::isnan(e));
  }
  // Of four features: eight coalitions enumerated, and one pair.
  const Attribution one_pair =
      explain_kernel_shap(mlp(4, 2, false), noise(66, Shape{1, 4}), {.samples = 11}, kFirst);
  EXPECT_EQ(one_pair.steps[0], 10);
  for (const double e : one_pair.standard_error.to_vector<double>()) EXPECT_TRUE(std::isnan(e));
  // All 2^9 - 2 coalitions: exact.
  expect_golden(explain_kernel_shap(model, x, {.samples = 510}, kFirst).values, exact.values, 1e-5,
                "enumerated");
  // One feature takes the whole difference.
  const Attribution one = explain_kernel_shap(
      model, x, {.features = Features::from_ids(Tensor::zeros(Shape{9}, DType::i64), Shape{9})},
      kFirst);
  EXPECT_NEAR(one.values.to_vector<double>()[0], one.f[0] - one.f_baseline[0], 1e-6);
}

TEST(Perturbation, KernelShapExplainsLogOdds) {
  // Odds multiply: the logit of the probability is additive.
  const ModelFn model = [](const Tensor& x) {
    const Tensor z = linear(x, Tensor::from<float>({1, -2, 0.5F}, Shape{1, 3}));
    return concat({z, z * 0.0}, 1);
  };
  const Tensor x = Tensor::from<float>({0.3F, 0.2F, -1}, Shape{1, 3});
  const Attribution a = explain_kernel_shap(model, x, {.logit_link = true},
                                            {.scalar = ScalarKind::prob, .target = Target::one(0)});
  expect_values(a, {0.3, -0.4, -0.5}, 1e-5);
  EXPECT_NEAR(a.delta[0], 0, 1e-6);
  expect_refusal([&] { explain_kernel_shap(model, x, {.logit_link = true}, kFirst); },
                 "between 0 and 1");
}

// P2: on a linear model everything is w (x - x').
TEST(Perturbation, LinearModels) {
  const Tensor w = noise(61, Shape{1, 5}), x = noise(62, Shape{2, 5}), base = noise(63, Shape{5});
  const ModelFn model = affine(w, Tensor::full(Shape{1}, 0.7));
  const Tensor expected = w * (x - base);
  const std::vector<Tensor> bases = {base};
  expect_golden(explain_feature_ablation(model, x, {.baselines = bases}, kOnly).values, expected,
                1e-5, "ablation");
  expect_golden(explain_shapley(model, x, {.baselines = bases}, kOnly).values, expected, 1e-5,
                "shapley");
  expect_golden(explain_shapley_sampling(model, x, {.baselines = bases, .pairs = 1}, kOnly).values,
                expected, 1e-5, "sampling");
  expect_golden(explain_kernel_shap(model, x, {.baselines = bases, .samples = 20}, kOnly).values,
                expected, 1e-5, "kernel");
  expect_golden(
      explain_owen(model, x, {.groups = {0, 0, 1, 1, 1}, .baselines = bases}, kOnly).values,
      expected, 1e-5, "owen");
  expect_golden(explain_occlusion(model, x, {.window = {1}, .baselines = bases}, kOnly).values,
                expected, 1e-5, "occlusion");
  const Attribution lime =
      explain_lime(model, x, {.baselines = bases, .samples = 200, .ridge = 1e-9}, kOnly);
  expect_golden(lime.values, expected, 1e-4, "lime");
  EXPECT_NEAR(lime.r_squared[0], 1, 1e-6);
  const Attribution continuous =
      explain_continuous_lime(model, x, {.samples = 200, .ridge = 0}, kOnly);
  expect_golden(continuous.values, expand(w, Shape{2, 5}), 1e-4, "continuous");
}

// The fit's coefficients in closed form: one feature, two values of f.
TEST(Lime, OneFeature) {
  const ModelFn model = [](const Tensor& x) { return exp(x); };
  const Tensor x = Tensor::full(Shape{1, 1}, 1);
  const Attribution a = explain_lime(model, x, {.samples = 60, .width = 1, .ridge = 0}, kOnly);
  expect_values(a, {std::exp(1) - 1}, 1e-5);
  EXPECT_NEAR(a.standard_error.to_vector<double>()[0], 0, 1e-5);
  // Means over seeds are within their errors of each other for a curved game.
  const ModelFn net = mlp(6, 2, false);
  const Tensor row = noise(64, Shape{1, 6});
  const Attribution many = explain_lime(net, row, {.samples = 20000}, kFirst);
  const auto truth = many.values.to_vector<double>();
  for (const std::uint64_t seed : {2, 3, 4}) {
    const Attribution few =
        explain_lime(net, row, {.samples = 400, .ridge = 1.0 / 50, .seed = seed}, kFirst);
    const auto v = few.values.to_vector<double>(), e = few.standard_error.to_vector<double>();
    for (std::size_t i = 0; i < v.size(); ++i) EXPECT_LE(std::abs(v[i] - truth[i]), 4.5 * e[i]);
  }
  EXPECT_GT(many.r_squared[0], 0.2);
  EXPECT_LT(many.r_squared[0], 1);
  const Attribution sparse = explain_lime(net, row, {.lasso = 1e3}, kFirst);
  for (const double v : sparse.values.to_vector<double>()) EXPECT_EQ(v, 0);
  expect_refusal([&] { explain_lime(net, row, {.samples = 1}, kFirst); }, "at least 2");
  expect_refusal([&] { explain_continuous_lime(net, row, {.sigma = 0}, kFirst); }, "sigma");
}

// f is one pixel: RISE shows it, Sobol and HSIC put all on its cell.
TEST(Masks, FindTheOnlyPixelThatMatters) {
  const ModelFn model = [](const Tensor& x) {
    return narrow(reshape(x, {x.dim(0), 64}), 1, 19, 1);  // row 2, column 3
  };
  const Tensor x = Tensor::ones(Shape{1, 1, 8, 8});
  const Attribution rise = explain_rise(model, x, {.masks = 2000, .cells = 4}, kOnly);
  EXPECT_EQ(rise.values.shape(), (Shape{1, 1, 8, 8}));
  const auto v = rise.values.to_vector<double>(), e = rise.standard_error.to_vector<double>();
  EXPECT_EQ(std::max_element(v.begin(), v.end()) - v.begin(), 19);
  EXPECT_NEAR(v[63], 0.5, 4 * e[63]);  // independent of it: the mean of f, 1/2
  const Attribution centred =
      explain_rise(model, x, {.masks = 2000, .cells = 4, .centred = true}, kOnly);
  const auto c = centred.values.to_vector<double>();
  EXPECT_NEAR(c[63], 0, 4 * e[63]);
  EXPECT_NEAR(v[19] - c[19], v[63] - c[63], 1e-6);
  const Attribution by_sum =
      explain_rise(model, x, {.masks = 2000, .cells = 4, .by_expectation = false}, kOnly);
  EXPECT_NEAR(by_sum.values.to_vector<double>()[63], 0.5,
              4 * by_sum.standard_error.to_vector<double>()[63]);
  const Attribution indices =
      explain_sobol(model, x, {.cells = 4, .points = 128, .designs = 16}, kOnly);
  const auto sobol = indices.values.to_vector<double>();
  const double error = indices.standard_error.to_vector<double>()[19];
  EXPECT_LT(error, 0.05);
  const auto hsic =
      explain_hsic(model, x, {.cells = 4, .masks = 200}, kOnly).values.to_vector<double>();
  for (std::size_t i = 0; i < 64; ++i) {
    const bool is_cell = i / 8 / 2 == 1 && i % 8 / 2 == 1;
    EXPECT_NEAR(sobol[i], is_cell ? 1 : 0, is_cell ? 4 * error : 1e-12) << i;
    if (!is_cell) {
      EXPECT_LT(hsic[i], hsic[19] / 10) << i;
    }
  }
  expect_refusal([&] { explain_rise(model, x, {.cells = 9}, kOnly); }, "9 x 9 cells");
  expect_refusal([&] { explain_rise(model, x, {.masks = 0}, kOnly); }, "0 masks");
  expect_refusal(
      [&] {
        explain_sobol(mlp(6, 2, true), noise(1, Shape{1, 6}), {}, kFirst);
      },
      "pictures");
}

// Additive f: the total-order index of a cell is its share of the variance.
TEST(Masks, SobolIndicesOfASum) {
  const Tensor w = Tensor::from<float>({1, 2, 3, 0}, Shape{1, 4});
  const ModelFn model = [&](const Tensor& x) { return linear(reshape(x, {x.dim(0), 4}), w); };
  const Attribution a = explain_sobol(model, Tensor::ones(Shape{1, 1, 2, 2}),
                                      {.cells = 2, .points = 512, .designs = 8}, kOnly);
  const auto v = a.values.to_vector<double>(), e = a.standard_error.to_vector<double>();
  const double expected[] = {1.0 / 14, 4.0 / 14, 9.0 / 14, 0};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(v[i], expected[i], 4 * e[i] + 1e-12);
  EXPECT_LT(e[2], 0.05);
}

TEST(Perturbation, Refusals) {
  const ModelFn model = mlp(20, 2, true);
  const Tensor x = noise(65, Shape{2, 20});
  expect_refusal([&] { explain_shapley(model, x, {}, kFirst); }, "20 features");
  expect_refusal([&] { explain_shapley_sampling(model, x, {.pairs = 0}, kFirst); }, "0 pairs");
  expect_refusal([&] { explain_kernel_shap(model, x, {.samples = -1}, kFirst); }, "-1 samples");
  expect_refusal([&] { explain_kernel_shap(model, x, {.samples = 8}, kFirst); },
                 "do not determine");
  expect_refusal([&] { explain_owen(model, x, {.groups = {0, 1}}, kFirst); }, "20");
  expect_refusal(
      [&] {
        explain_feature_ablation(model, x, {.features = Features::elements(Shape{3})}, kFirst);
      },
      "3 elements");
  expect_refusal(
      [&] { explain_feature_ablation(model, x, {.baselines = {Tensor::zeros(Shape{3})}}, kFirst); },
      "does not broadcast");
}

}  // namespace
}  // namespace ingrad
