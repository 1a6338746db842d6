// SPDX-License-Identifier: Apache-2.0
// Path methods, noise and attacks on a device: what the CPU gives, from the same calls.
#include "attribution/adversarial/adversarial.h"
#include "attribution/explain.h"
#include "attribution/noise_tunnel.h"
#include "attribution/paths/blur_ig.h"
#include "attribution/paths/expected_gradients.h"
#include "attribution/paths/guided_ig.h"
#include "attribution/paths/token_paths.h"
#include "attribution/paths/xrai.h"
#include "engine/ops/shape.h"
#include "engine/random.h"
#include "models/catalog.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

constexpr Device kDevice{Device::Kind::cuda, 0};
constexpr double kTolerance = 1e-4;

using Method = std::function<Attribution(const ModelFn&, const Tensor&)>;

// `view` shapes a row for the network.
void expect_same(const char* model, const Shape& sample, const Shape& view, const Method& method) {
  const auto net = make_model({model, view, 10}, 3);
  const ModelFn function = [&](const Tensor& x) {
    return (*net)(reshape(x, view.with_inserted(0, x.dim(0))));
  };
  const Tensor x = random_uniform(sample.with_inserted(0, 3), {.seed = 1});
  const Attribution here = method(function, x);
  net->to(kDevice);
  const Attribution there = method(function, x.to(kDevice));
  EXPECT_EQ(there.values.device(), kDevice) << here.method;
  EXPECT_LE(worst_error(there.values, here.values), kTolerance) << here.method;
  EXPECT_EQ(there.targets, here.targets);
  EXPECT_EQ(there.method, here.method);
  EXPECT_EQ(there.standard_error.defined(), here.standard_error.defined());
}

TEST(DevicePaths, ExplainAsOnTheCpu) {
  const Explainer ig = [](const ModelFn& m, const Tensor& x, const ExplainOptions& o) {
    return explain_integrated_gradients(m, x, {.steps = 3}, o);
  };
  const Tensor vocabulary = random_uniform({20, 16}, {.seed = 2});
  const char* const mlp = "mlp:64-32-10";
  const Shape row{64}, tokens{4, 16}, picture{1, 8, 8};
  expect_same(mlp, row, row, [&](const ModelFn& m, const Tensor& x) {
    return explain_noise_tunnel(m, x, ig, {.draws = 4});
  });
  expect_same(mlp, row, row, [](const ModelFn& m, const Tensor& x) {
    return explain_expected_gradients(
        m, x, {.baselines = {Tensor::zeros({64}), Tensor::ones({64})}, .draws = 6});
  });
  expect_same(mlp, row, row, [](const ModelFn& m, const Tensor& x) {
    return explain_guided_ig(m, x, {.steps = 5, .max_distance = 0.2});
  });
  expect_same(mlp, tokens, row, [](const ModelFn& m, const Tensor& x) {
    return explain_sequential_ig(m, x, {.steps = 3});
  });
  expect_same(mlp, tokens, row, [&](const ModelFn& m, const Tensor& x) {
    return explain_discretized_ig(m, x, {.vocabulary = vocabulary, .steps = 4});
  });
  expect_same(mlp, picture, row, [](const ModelFn& m, const Tensor& x) {
    return explain_blur_ig(m, x, {.max_sigma = 2, .steps = 4});
  });
  expect_same(mlp, picture, row,
              [](const ModelFn& m, const Tensor& x) { return explain_xrai(m, x, {.steps = 3}); });
}

TEST(DevicePaths, AttackAsOnTheCpu) {
  const auto net = make_model({"mlp:16-12-10", Shape{16}, 10}, 3);
  const ModelFn f = [&](const Tensor& x) { return (*net)(x); };
  const Tensor x = random_uniform({4, 16}, {.seed = 1});
  const AttackOptions o = make_attack("l2:eps=3,steps=3,restarts=2");
  const auto run = [&](const Tensor& in) {
    return std::pair{find_adversarial_examples(f, in, o),
                     find_minimal_perturbations(f, in, {.attack = o, .bisections = 3})};
  };
  const auto here = run(x);
  net->to(kDevice);
  const auto there = run(x.to(kDevice));
  EXPECT_EQ(there.first.inputs.device(), kDevice);
  EXPECT_LE(worst_error(there.first.inputs, here.first.inputs), kTolerance);
  EXPECT_EQ(there.first.after, here.first.after);
  EXPECT_EQ(there.second.success, here.second.success);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(there.second.radius[i], here.second.radius[i], 1e-3);
  }
}

}  // namespace
}  // namespace ingrad
