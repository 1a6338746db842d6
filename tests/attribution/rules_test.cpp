// SPDX-License-Identifier: Apache-2.0
// Explainers by replaced backward rules: guided backpropagation, deconvolution, DeepLIFT.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "attribution/explain.h"
#include "attribution/rules/deep_lift.h"
#include "attribution/rules/guided.h"
#include "engine/ops/attention.h"
#include "engine/ops/concat.h"
#include "engine/ops/norm.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "engine/ops/softmax.h"
#include "engine/ops/sort.h"
#include "models/lenet.h"
#include "models/resnet.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/golden_nets.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

void expect_complete(const Attribution& a, const std::string& what) {
  for (std::size_t s = 0; s < a.delta.size(); ++s) {
    const double difference = std::abs(a.f[s] - a.f_baseline[s]);
    EXPECT_LE(std::abs(a.delta[s]), 1e-4 * std::max(difference, 0.05))
        << what << ": f " << a.f[s] << " and " << a.f_baseline[s];
  }
  EXPECT_FALSE(a.delta.empty()) << what;
}

// relu(x0) - relu(x1) + relu(-x0), all units of known state.
TEST(Guided, ByHand) {
  const ModelFn model = [](const Tensor& x) {
    const Tensor a = narrow(x, 1, 0, 1), b = narrow(x, 1, 1, 1);
    return relu(a) * 2.0 - relu(b) + relu(neg(a)) * 4.0;
  };
  const Tensor x = Tensor::from<float>({1, 1, -1, -1}, Shape{2, 2});
  // Guided: cotangents 2, -1, 4 of the three units; only positive ones where the unit is on.
  EXPECT_EQ(explain_guided_backprop(model, x, kOnly).values.to_vector<float>(),
            (std::vector<float>{2, 0, -4, 0}));
  EXPECT_EQ(explain_deconvolution(model, x, kOnly).values.to_vector<float>(),
            (std::vector<float>{-2, 0, -2, 0}));
  expect_refusal(
      [&] {
        explain_guided_backprop(mlp(6, 2, true), noise(1, Shape{1, 6}), kFirst);
      },
      "no ReLU");
}

TEST(RulesGolden, Captum) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("rules");
  const ExplainOptions rows{.target = nets.row_classes}, pictures{.target = nets.picture_classes};
  const ModelFn mlp = nets.mlp(), cnn = nets.cnn();
  expect_golden(explain_guided_backprop(cnn, nets.pictures, pictures).values,
                golden.at("guided_backprop"), 1e-5, "guided");
  expect_golden(explain_deconvolution(cnn, nets.pictures, pictures).values,
                golden.at("deconvolution"), 1e-5, "deconvolution");
  const Tensor quarter = Tensor::scalar(0.25F), zero = Tensor::scalar(0.0F);
  expect_golden(explain_deep_lift(mlp, nets.rows, {.baselines = {quarter}}, rows).values,
                golden.at("deep_lift.mlp"), 1e-5, "deep_lift");
  expect_golden(explain_deep_lift(mlp, nets.rows, {.baselines = {zero, quarter}}, rows).values,
                golden.at("deep_lift_shap.mlp"), 1e-5, "deep_lift_shap");
  // The reference of every picture is the one before it.
  const Tensor before = concat({narrow(nets.pictures, 0, 2, 1), narrow(nets.pictures, 0, 0, 2)}, 0);
  const Attribution a = explain_deep_lift(cnn, nets.pictures, {.baselines = {before}}, pictures);
  expect_golden(a.values, golden.at("deep_lift.cnn"), 1e-5, "pictures");
  // Captum 0.9 loses completeness in max-pooling when the reference varies: its sums are off by
  // more than half of what they should be.
  const auto captum = sum(golden.at("deep_lift.cnn.captum"), {1, 2, 3}).to_vector<double>();
  for (std::size_t s = 0; s < 3; ++s) {
    EXPECT_GT(std::abs(captum[s] - (a.f[s] - a.f_baseline[s])), 5);
    EXPECT_LE(std::abs(a.delta[s]), 1e-4 * std::abs(a.f[s] - a.f_baseline[s]));
  }
}

// Shrikumar et al. 2017, section 3.5.2, and products, quotients and maxima by hand.
TEST(DeepLift, ByHand) {
  const auto values = [](const ModelFn& model, std::vector<float> x, std::vector<float> r = {}) {
    const auto n = static_cast<std::int64_t>(x.size());
    DeepLiftOptions o;
    if (!r.empty()) o.baselines = {Tensor::from(r, Shape{n})};
    return explain_deep_lift(model, Tensor::from(x, Shape{1, n}), o, kOnly)
        .values.to_vector<double>();
  };
  const auto part = [](const Tensor& x, std::int64_t i) { return narrow(x, 1, i, 1); };
  // Saturated: the gradient is zero, the contributions are not.
  const auto saturated =
      values([&](const Tensor& x) { return 1.0 - relu(1.0 - sum(x, {1}, true)); }, {1, 1});
  EXPECT_NEAR(saturated[0], 0.5, 1e-6);
  EXPECT_NEAR(saturated[1], 0.5, 1e-6);
  // u v from (1, 2) to (3, 5): du 2 * 3.5 = 7, dv 3 * 2 = 6.
  const auto product =
      values([&](const Tensor& x) { return part(x, 0) * part(x, 1); }, {3, 5}, {1, 2});
  EXPECT_NEAR(product[0], 7, 1e-5);
  EXPECT_NEAR(product[1], 6, 1e-5);
  // u / v from (1, 2) to (3, 4): du 2 * (1/4 + 1/2) / 2, and the mean of u times 1/4 - 1/2.
  const auto quotient =
      values([&](const Tensor& x) { return part(x, 0) / part(x, 1); }, {3, 4}, {1, 2});
  EXPECT_NEAR(quotient[0], 0.75, 1e-6);
  EXPECT_NEAR(quotient[1], -0.5, 1e-6);
  // max from (1, 4, 2) to (5, 3, 2): the sample's winner gets 5 - 4, the reference's 5 - 5.
  const auto winner =
      values([](const Tensor& x) { return amax(x, {1}, true); }, {5, 3, 2}, {1, 4, 2});
  EXPECT_NEAR(winner[0], 1, 1e-6);
  EXPECT_NEAR(winner[1], 0, 1e-6);
  EXPECT_EQ(winner[2], 0);
  const auto falling = values([](const Tensor& x) { return amax(x, {1}, true); }, {1, 2}, {3, 0});
  EXPECT_NEAR(falling[0], -1, 1e-6);
  EXPECT_NEAR(falling[1], 0, 1e-6);
  const auto least = values([](const Tensor& x) { return amin(x, {1}, true); }, {1, 2}, {3, 4});
  EXPECT_NEAR(least[0], -2, 1e-6);
}

// P1 on every kind of model, and for every scalar that the rules reach.
TEST(DeepLift, IsComplete) {
  const Tensor rows = noise(80, Shape{5, 6});
  const std::vector<Tensor> two = {Tensor::scalar(0.0F), noise(81, Shape{6})};
  for (const bool smooth : {true, false}) {
    for (const ScalarKind kind :
         {ScalarKind::logit, ScalarKind::log_prob, ScalarKind::prob, ScalarKind::loss}) {
      expect_complete(explain_deep_lift(mlp(6, 3, smooth), rows, {.baselines = two},
                                        {.scalar = kind, .target = Target::one(1)}),
                      "mlp " + std::string(name_of(kind)));
    }
  }
  expect_complete(explain_deep_lift(conv_net(), noise(82, Shape{4, 2, 8, 8})), "conv net");
  LeNet5 lenet(Shape{1, 28, 28}, 10);
  lenet.initialize(4);
  expect_complete(explain_deep_lift(as_function(lenet), noise(83, Shape{3, 1, 28, 28})), "lenet");
  ResNet resnet(18, Shape{3, 32, 32}, 10, {.stem = ResNetStem::cifar});
  resnet.initialize(5);
  expect_complete(explain_deep_lift(as_function(resnet), noise(84, Shape{2, 3, 32, 32})), "resnet");
  const auto sequence = [](const char* what, const std::function<Tensor(const Tensor&)>& f) {
    const Tensor top = noise(100, Shape{3, 8}, 0.5);
    const ModelFn model = [&](const Tensor& x) { return linear(mean(f(x), {1}), top); };
    expect_complete(explain_deep_lift(model, noise(101, Shape{3, 4, 8}),
                                      {.baselines = {noise(102, Shape{4, 8}, 0.3)}}, kFirst),
                    what);
  };
  sequence("layer norm", [](const Tensor& x) { return layer_norm(x, {8}); });
  sequence("gelu", [](const Tensor& x) { return gelu(x); });
  sequence("softmax", [](const Tensor& x) { return softmax(x, 2); });
  sequence("log softmax", [](const Tensor& x) { return log_softmax(x, 1); });
  sequence("products of matrices",
           [](const Tensor& x) { return matmul(matmul(x, transpose(x, 1, 2)), x); });
  sequence("attention", [](const Tensor& x) {
    const Tensor h = reshape(x, {x.dim(0), 4, 2, 4});
    return reshape(attention(h, tanh(h), h * 0.5), {x.dim(0), 4, 8});
  });
  // One block of a transformer on [4, 8]: attention of two heads, layer norms, GELU, residual sums.
  const Tensor w = noise(85, Shape{24, 8}, 0.4), out = noise(86, Shape{8, 8}, 0.4),
               up = noise(87, Shape{16, 8}, 0.4), down = noise(88, Shape{8, 16}, 0.4),
               head = noise(89, Shape{3, 8}, 0.5), ones = Tensor::ones(Shape{8});
  const ModelFn block = [&](const Tensor& x) {
    const Tensor t = layer_norm(x, {8}, ones);
    const auto heads = [&](std::int64_t i) {
      const Tensor part = narrow(linear(t, w), 2, 8 * i, 8);
      return permute(reshape(part, {x.dim(0), 4, 2, 4}), {0, 2, 1, 3});
    };
    const Tensor mixed = permute(attention(heads(0), heads(1), heads(2)), {0, 2, 1, 3});
    const Tensor h = x + linear(reshape(mixed, {x.dim(0), 4, 8}), out);
    const Tensor y = h + linear(gelu(linear(layer_norm(h, {8}, ones), up)), down);
    return linear(mean(y, {1}), head);
  };
  expect_complete(explain_deep_lift(block, noise(90, Shape{3, 4, 8}),
                                    {.baselines = {noise(91, Shape{4, 8}, 0.3)}}, kFirst),
                  "transformer");
}

// P10: one layer of nonlinearities is Integrated Gradients; P2: linear models.
TEST(DeepLift, Limits) {
  const Tensor w = noise(92, Shape{9, 5}, 0.6), b = noise(93, Shape{9}, 0.2),
               v = noise(94, Shape{2, 9});
  const ModelFn one_layer = [&](const Tensor& x) { return linear(tanh(linear(x, w, b)), v); };
  const Tensor x = noise(95, Shape{4, 5});
  expect_golden(explain_deep_lift(one_layer, x, {}, kFirst).values,
                explain_integrated_gradients(one_layer, x, {.steps = 64}, kFirst).values, 1e-5,
                "one layer");
  const Tensor weights = noise(96, Shape{1, 5}), base = noise(97, Shape{5});
  const ModelFn model = affine(weights, Tensor::ones(Shape{1}));
  expect_golden(explain_deep_lift(model, x, {.baselines = {base}}, kOnly).values,
                weights * (x - base), 1e-5, "linear");
  expect_golden(explain_deep_lift(model, x, {.multiply_by_inputs = false}, kOnly).values,
                expand(weights, Shape{4, 5}), 1e-6, "multipliers");
  // The sample as its own reference: nothing to explain, and no NaN.
  for (const double value : explain_deep_lift(mlp(5, 2, false), x, {.baselines = {x}}, kFirst)
                                .values.to_vector<double>()) {
    EXPECT_EQ(value, 0);
  }
}

// P11: Rescale gives a minimum's whole difference to one input.
TEST(DeepLift, RescaleOfAMinimumTakesSides) {
  const ModelFn model = [](const Tensor& x) {
    const Tensor a = narrow(x, 1, 0, 1), b = narrow(x, 1, 1, 1);
    return a - relu(a - b);
  };
  const Tensor x = Tensor::from<float>({10, 6}, Shape{1, 2});
  const auto v = explain_deep_lift(model, x, {}, kOnly).values.to_vector<double>();
  EXPECT_NEAR(v[0], 0, 1e-5);
  EXPECT_NEAR(v[1], 6, 1e-5);
}

TEST(DeepLift, NamesOpsWithoutARule) {
  const ModelFn sorted = [](const Tensor& x) { return narrow(sort(x, 1).values, 1, 0, 2); };
  expect_refusal(
      [&] {
        explain_deep_lift(sorted, noise(98, Shape{2, 4}), {}, kFirst);
      },
      "\"sort\"");
  const ModelFn power = [](const Tensor& x) { return pow(exp(x), x); };
  expect_refusal([&] { explain_deep_lift(power, noise(99, Shape{2, 4}), {}, kFirst); }, "\"pow\"");
}

}  // namespace
}  // namespace ingrad
