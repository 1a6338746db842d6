// SPDX-License-Identifier: Apache-2.0
// Explainers of the units of a layer, and models cut at a layer.
#include <cmath>
#include <functional>

#include "attribution/explain.h"
#include "attribution/layers/cut.h"
#include "attribution/layers/layer_attribution.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "models/resnet.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/golden_nets.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

// f = relu(2 x) and relu(-x) + 3 x past them; the layer is (2 x, -x).
ModelFn two_units() {
  return [](const Tensor& x) {
    const Tensor h = tap(linear(x, Tensor::from<float>({2, -1}, Shape{2, 1})), "units");
    return sum(relu(h), {1}, true) + x * 3.0;
  };
}

TEST(Layers, ByHand) {
  const Tensor x = Tensor::from<float>({1, -2}, Shape{2, 1});
  const ModelFn model = two_units();
  expect_values(explain_layer_activation(model, x, "units", kOnly), {2, -1, -4, 2}, 0);
  expect_values(explain_layer_gradient(model, x, "units", kOnly), {1, 0, 0, 1}, 0);
  expect_values(explain_layer_gradient_times_activation(model, x, "units", kOnly), {2, 0, 0, 2}, 0);
  // From zero every unit keeps its sign: what flows through it is what it adds.
  expect_values(explain_conductance(model, x, "units", {.steps = 4}, kOnly), {2, 0, 0, 2}, 1e-6);
  expect_values(explain_internal_influence(model, x, "units", {.steps = 5}, kOnly), {1, 0, 0, 1},
                1e-6);
  const Attribution a = explain_layer_integrated_gradients(model, x, "units", {.steps = 5}, kOnly);
  expect_values(a, {2, 0, 0, 2}, 1e-6);
  // What passes by the layer is that of the sample, with its 3 x.
  expect_near(Tensor::from(a.f_baseline, {2}), {3, -6}, 1e-6);
  EXPECT_NEAR(a.delta[0], 0, 1e-6);
  EXPECT_NEAR(a.delta[1], 0, 1e-6);
}

TEST(LayersGolden, Captum) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("maps");
  const ExplainOptions rows{.target = nets.row_classes};
  expect_golden(explain_layer_integrated_gradients(nets.mlp(), nets.rows, "fc1", {}, rows).values,
                golden.at("layer.integrated_gradients"), 1e-5, "layer_integrated_gradients");
  expect_golden(explain_internal_influence(nets.mlp(), nets.rows, "fc2", {}, rows).values,
                golden.at("layer.internal_influence"), 1e-5, "internal_influence");
}

// P1: what flows through all units of a layer is the whole difference, and for the input as the
// layer it is Integrated Gradients, unit by unit.
TEST(Layers, ConductanceIsComplete) {
  const GoldenNets nets;
  for (const std::string layer : {"fc1", "fc2"}) {
    const auto delta = [&](int steps) {
      const Attribution a = explain_conductance(nets.mlp(), nets.rows, layer, {.steps = steps},
                                                {.target = nets.row_classes});
      double worst = 0;
      for (const double d : a.delta) worst = std::max(worst, std::abs(d));
      return worst;
    };
    // A step over a kink is off by a share of it: the error falls with the steps.
    EXPECT_LE(delta(3000), 1e-3) << layer;
    EXPECT_GT(delta(30), 10 * delta(3000)) << layer;
  }
  const ModelFn smooth = mlp(6, 3, true);
  const ModelFn named = [&](const Tensor& x) { return smooth(tap(x * 1.0, "input")); };
  const Tensor x = noise(110, Shape{3, 6});
  const IntegratedGradientsOptions midpoints{.rule = QuadratureRule::midpoint, .steps = 20};
  const Tensor expected = explain_integrated_gradients(smooth, x, midpoints, kFirst).values;
  expect_golden(explain_conductance(named, x, "input", {.steps = 20}, kFirst).values, expected,
                1e-5, "conductance of inputs");
  expect_golden(explain_layer_integrated_gradients(
                    named, x, "input", {.rule = QuadratureRule::midpoint, .steps = 20}, kFirst)
                    .values,
                expected, 1e-5, "layer_integrated_gradients of inputs");
  for (const double d :
       explain_layer_integrated_gradients(named, x, "input", {}, kFirst).relative_delta) {
    EXPECT_LE(d, 1e-4);
  }
}

// The halves of a model give the model, past residual sums too; only the tail is computed again.
TEST(Layers, CutModelsAreTheModel) {
  ResNet net(18, Shape{3, 32, 32}, 10, {.stem = ResNetStem::cifar, .width = 8});
  net.initialize(7);
  const ModelFn model = as_function(net);
  const Tensor x = noise(111, Shape{3, 3, 32, 32});
  const auto whole = model(x).to_vector<float>();
  for (const std::string layer : {"conv1", "layer1.0.conv1", "layer2.0.bn2", "layer4", "fc"}) {
    const LayerCut cut = cut_at(model, Shape{3, 32, 32}, layer);
    const Tensor at = cut.head(x);
    EXPECT_EQ(at.dim(1), cut.size);
    EXPECT_GE(cut.size, cut.layer.shape.size());
    EXPECT_EQ(cut.tail(at).to_vector<float>(), whole) << layer;
  }
  // conv1 of a block has the block's input passing by.
  EXPECT_GT(cut_at(model, Shape{3, 32, 32}, "layer1.0.conv1").size,
            cut_at(model, Shape{3, 32, 32}, "layer1.0.conv1").layer.shape.size());
}

// P12, P15, P20.
TEST(Layers, DependOnNothingElse) {
  const GoldenNets nets;
  const ModelFn model = nets.cnn();
  const Tensor x = noise(112, Shape{4, 2, 8, 8});
  using Method = std::function<Attribution(const Tensor&, const ExplainOptions&)>;
  const LayerPathOptions path{.steps = 6,
                              .baselines = {Tensor::scalar(0.0F), Tensor::scalar(0.3F)}};
  const std::vector<Method> methods = {
      [&](const Tensor& t, const ExplainOptions& o) {
        return explain_layer_gradient_times_activation(model, t, "pool", o);
      },
      [&](const Tensor& t, const ExplainOptions& o) {
        return explain_conductance(model, t, "pool", path, o);
      },
      [&](const Tensor& t, const ExplainOptions& o) {
        return explain_internal_influence(model, t, "pool", path, o);
      },
      [&](const Tensor& t, const ExplainOptions& o) {
        return explain_layer_integrated_gradients(model, t, "pool", path, o);
      }};
  for (const Method& explain : methods) {
    const Attribution whole = explain(x, {});
    EXPECT_EQ(whole.values.shape(), (Shape{4, 5, 4, 4}));
    const auto same = [&](const Attribution& a) {
      EXPECT_EQ(a.values.to_vector<float>(), whole.values.to_vector<float>()) << whole.method;
    };
    same(explain(x, {.pool = {.max_rows = 3}}));
    EXPECT_EQ(explain(narrow(x, 0, 1, 1), {}).values.to_vector<float>(),
              narrow(whole.values, 0, 1, 1).to_vector<float>());
    for (const std::int64_t cap : {150'000, 250'000, 900'000}) {
      const Attribution a = explain(x, {.pool = {.memory_bytes = cap}});
      EXPECT_LE(a.cost.peak_bytes, cap);
      same(a);
    }
    const Attribution several = explain(x, {.target = Target::several({1, 2})});
    for (std::int64_t c = 0; c < 2; ++c) {
      EXPECT_EQ(select(several.values, 1, c).to_vector<float>(),
                explain(x, {.target = Target::one(c + 1)}).values.to_vector<float>())
          << whole.method;
    }
  }
}

TEST(Layers, AreRefusedByName) {
  const Tensor x = noise(113, Shape{1, 1});
  expect_refusal([&] { explain_conductance(two_units(), x, "unit", {}, kOnly); }, "did you mean");
  expect_refusal([&] { explain_conductance(two_units(), x, "units", {.steps = 0}, kOnly); },
                 "0 steps");
  expect_refusal([&] { explain_layer_integrated_gradients(two_units(), x, "h", {}, kOnly); },
                 "\"h\"");
}

}  // namespace
}  // namespace ingrad
