// SPDX-License-Identifier: Apache-2.0
// Layers of models and class activation maps.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "attribution/explain.h"
#include "attribution/layers/layers.h"
#include "attribution/maps/cam.h"
#include "attribution/maps/guided_grad_cam.h"
#include "attribution/rules/guided.h"
#include "engine/ops/reduce.h"
#include "engine/ops/resize.h"
#include "engine/ops/slice.h"
#include "models/resnet.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/golden_nets.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

const std::vector<CamRule> kRules = {
    CamRule::grad_cam,     CamRule::grad_cam_plus_plus, CamRule::xgrad_cam, CamRule::hires_cam,
    CamRule::element_wise, CamRule::layer_cam,          CamRule::eigen_cam, CamRule::eigen_grad_cam,
    CamRule::norm_grad,    CamRule::random_cam};

TEST(Layers, AreFoundByName) {
  ResNet net(18, Shape{3, 32, 32}, 10);
  net.initialize(3);
  const auto layers = layers_of(as_function(net), Shape{3, 32, 32});
  ASSERT_FALSE(layers.empty());
  EXPECT_EQ(find_layer(as_function(net), Shape{3, 32, 32}, "layer4").shape.rank(), 3);
  EXPECT_EQ(layers.back().name, "fc");
  EXPECT_EQ(layers.back().shape, Shape{10});
  expect_refusal([&] { find_layer(as_function(net), Shape{3, 32, 32}, "layer5"); }, "did you mean");
  expect_refusal([&] { find_layer(mlp(6, 2, true), Shape{6}, "fc1"); }, "names no layers");
}

// Captum: gradients of a layer and of a unit.
TEST(LayersGolden, ActivationsGradientsAndUnits) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("maps");
  const ModelFn cnn = nets.cnn(), mlp = nets.mlp();
  expect_golden(layer_function(cnn, "pool")(nets.pictures), golden.at("pool.activation"), 1e-6,
                "activation");
  const ModelFn units = layer_function(mlp, "fc2");
  const ExplainOptions third{.target = Target::one(3)};
  expect_golden(explain_gradient(units, nets.rows, third).values, golden.at("neuron.gradient"),
                1e-6, "unit");
  expect_golden(explain_integrated_gradients(units, nets.rows, {}, third).values,
                golden.at("neuron.integrated_gradients"), 1e-5, "unit by paths");
}

// pytorch-grad-cam and Captum, maps of two layers before ReLU and at their size.
TEST(MapsGolden, EveryRule) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("maps");
  const ExplainOptions options{.target = nets.picture_classes};
  for (const std::string layer : {"pool", "relu2"}) {
    const auto maps = explain_cams(nets.cnn(), nets.pictures, kRules,
                                   {.layers = {layer}, .relu = false, .resize = false}, options);
    for (std::size_t r = 0; r < kRules.size(); ++r) {
      const std::string name = layer + "." + std::string(name_of(kRules[r]));
      EXPECT_EQ(maps[r].method, name_of(kRules[r]));
      if (kRules[r] >= CamRule::eigen_cam) continue;
      // pytorch-grad-cam adds 1e-6 to the denominator of Grad-CAM++, where squared gradients are
      // small.
      const double tolerance = kRules[r] == CamRule::grad_cam_plus_plus ? 1e-3 : 5e-6;
      expect_golden(maps[r].values, golden.at(name), tolerance, name);
    }
    expect_golden(maps[0].values, golden.at(layer + ".captum_grad_cam"), 1e-5, "captum");
    const CamOptions raw{.layers = {layer}, .relu = false, .resize = false};
    expect_golden(explain_score_cam(nets.cnn(), nets.pictures, {.cam = raw}, options).values,
                  golden.at(layer + ".score_cam"), 1e-5, layer + " score_cam");
    const Attribution ablation =
        explain_ablation_cam(nets.cnn(), nets.pictures, {.cam = raw, .relative = false}, options);
    expect_golden(ablation.values, golden.at(layer + ".ablation_cam"), 1e-5,
                  layer + " ablation_cam");
    // The paper's weights are relative to f.
    const Attribution relative =
        explain_ablation_cam(nets.cnn(), nets.pictures, {.cam = raw}, options);
    const Tensor f = reshape(Tensor::from(ablation.f, {3}), {3, 1, 1, 1});
    expect_golden(relative.values, ablation.values / cast(abs(f), DType::f32), 1e-5, layer);
  }
  const Attribution resized =
      explain_cam(nets.cnn(), nets.pictures, CamRule::grad_cam, {.layers = {"relu2"}}, options);
  EXPECT_EQ(resized.values.shape(), (Shape{3, 1, 8, 8}));
  expect_golden(resized.values, golden.at("resized"), 1e-5, "resized");
}

// pytorch-grad-cam takes the mean of every channel away before it looks for the principal
// direction, which the paper does not; with such channels the maps agree up to their free sign.
TEST(MapsGolden, PrincipalDirections) {
  const Safetensors golden = golden_explainers("maps");
  for (const std::string layer : {"pool", "relu2"}) {
    const Tensor a = golden.at(layer + ".activation"), g = golden.at(layer + ".gradient");
    for (const bool with_gradient : {false, true}) {
      const Tensor x = with_gradient ? a * g : a;
      const Tensor centred = contiguous(cast(x - mean(x, {2, 3}, true), DType::f32));
      const std::string name = layer + (with_gradient ? ".eigen_grad_cam" : ".eigen_cam");
      const auto expected = golden.at(name).to_vector<double>();
      const auto size = static_cast<std::size_t>(centred.size() / 3);
      for (std::size_t s = 0; s < 3; ++s) {
        const auto row = std::span(centred.data<float>() + s * size, size);
        const auto map = cam_map(CamRule::eigen_cam, row, row, 16, 1, s);
        double scale = 0, plus = 0, minus = 0;
        for (std::size_t i = 0; i < 16; ++i) {
          scale = std::max(scale, std::abs(expected[s * 16 + i]));
          plus = std::max(plus, std::abs(map[i] - expected[s * 16 + i]));
          minus = std::max(minus, std::abs(map[i] + expected[s * 16 + i]));
        }
        EXPECT_LE(std::min(plus, minus), 1e-5 * scale) << name << " " << s;
      }
    }
  }
  // By hand: one channel is itself, two equal ones are sqrt(2) times either; the sign is that of
  // the mean.
  const std::vector<float> one = {1, 2, 4}, two = {1, 2, 4, 1, 2, 4};
  const auto of_one = cam_map(CamRule::eigen_cam, one, one, 3, 1, 0);
  const auto of_two = cam_map(CamRule::eigen_cam, two, two, 3, 1, 0);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(of_one[i], static_cast<double>(one[i]), 1e-12);
    EXPECT_NEAR(of_two[i], std::sqrt(2.0) * static_cast<double>(one[i]), 1e-12);
  }
}

// P10: where gradients are the same positive value at all points of a channel and A >= 0, four
// rules agree. Here f is the weighted sum of the means of two maps.
TEST(Maps, RulesThatAgreeOnAveragePooling) {
  const Tensor k = abs(noise(70, Shape{2, 1, 3, 3})),
               w = Tensor::from<float>({2, 0.5F}, Shape{1, 2});
  const ModelFn model = [&](const Tensor& x) {
    const Tensor h = tap(relu(conv2d(x, k, {}, {.padding = {1, 1}})), "maps");
    return linear(mean(h, {2, 3}), w);
  };
  const Tensor x = abs(noise(71, Shape{2, 1, 5, 4}));
  const CamOptions o{.layers = {"maps"}, .resize = false};
  const ExplainOptions only{.target = Target::only_output()};
  const auto all = explain_cams(
      model, x, {CamRule::grad_cam, CamRule::hires_cam, CamRule::xgrad_cam, CamRule::layer_cam}, o,
      only);
  for (std::size_t i = 1; i < all.size(); ++i) {
    expect_golden(all[i].values, all[0].values, 1e-5, all[i].method);
  }
  // By hand: the sum over channels of w_k / 20 A_k.
  const Tensor h = relu(conv2d(x, k, {}, {.padding = {1, 1}}));
  const Tensor expected = sum(h * reshape(w, {1, 2, 1, 1}) * 0.05, {1}, true);
  expect_golden(all[0].values, expected, 1e-5, "by hand");
}

// A class that the maps only speak against: zeros, and a flag.
TEST(Maps, DeadMapsAreZeroAndSaySo) {
  const ModelFn model = [](const Tensor& x) { return neg(mean(tap(x, "maps"), {1, 2, 3}, false)); };
  const ModelFn column = [&](const Tensor& x) { return reshape(model(x), {x.dim(0), 1}); };
  const Attribution a = explain_cam(column, Tensor::ones(Shape{2, 1, 4, 4}), CamRule::grad_cam,
                                    {.layers = {"maps"}}, {.target = Target::only_output()});
  EXPECT_EQ(a.dead, (std::vector<char>{1, 1}));
  for (const double v : a.values.to_vector<double>()) EXPECT_EQ(v, 0);
}

TEST(Maps, TokensLieOnTheirGrid) {
  // Tokens [1 + 2 x 3, 2]; f is the first channel of the last token.
  const Tensor tokens = noise(72, Shape{7, 2});
  const ModelFn model = [&](const Tensor& x) {
    const Tensor t = tap(reshape(mean(x, {1, 2, 3}), {x.dim(0), 1, 1}) * unsqueeze(tokens, 0), "t");
    return reshape(narrow(narrow(t, 1, 6, 1), 2, 0, 1), {x.dim(0), 1});
  };
  const Tensor x = Tensor::ones(Shape{1, 1, 4, 6});
  const ExplainOptions only{.target = Target::only_output()};
  const CamOptions o{.layers = {"t"}, .relu = false, .resize = false, .tokens = TokenGrid{2, 3, 1}};
  const Attribution a = explain_cam(model, x, CamRule::hires_cam, o, only);
  EXPECT_EQ(a.values.shape(), (Shape{1, 1, 2, 3}));
  const auto v = a.values.to_vector<double>();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(v[i], 0);
  EXPECT_NEAR(v[5], tokens.to_vector<double>()[12], 1e-6);
  CamOptions wrong = o;
  wrong.tokens = TokenGrid{3, 3, 1};
  expect_refusal([&] { explain_cam(model, x, CamRule::grad_cam, wrong, only); }, "3 x 3 tokens");
  wrong.tokens = {};
  expect_refusal([&] { explain_cam(model, x, CamRule::grad_cam, wrong, only); }, "no grid");
}

// P12, P15 and P20 for maps, and several layers in one pass.
TEST(Maps, DependOnNothingElse) {
  const GoldenNets nets;
  const ModelFn model = nets.cnn();
  const Tensor x = noise(73, Shape{5, 2, 8, 8});
  const CamOptions o{.layers = {"pool", "relu2"}};
  const auto whole = explain_cams(model, x, kRules, o, {});
  EXPECT_EQ(whole[0].cost.gradient_rows, 5);
  for (std::size_t r = 0; r < kRules.size(); ++r) {
    const auto of = [&](const ExplainOptions& options) {
      return explain_cam(model, x, kRules[r], o, options);
    };
    EXPECT_EQ(of({.pool = {.max_rows = 2}}).values.to_vector<float>(),
              whole[r].values.to_vector<float>())
        << whole[r].method;
    EXPECT_EQ(explain_cam(model, narrow(x, 0, 2, 1), kRules[r], o, {.first_sample = 2})
                  .values.to_vector<float>(),
              narrow(whole[r].values, 0, 2, 1).to_vector<float>())
        << whole[r].method;
    for (const std::int64_t cap : {180'000, 300'000, 900'000}) {
      const Attribution a = of({.pool = {.memory_bytes = cap}});
      EXPECT_LE(a.cost.peak_bytes, cap);
      EXPECT_EQ(a.values.to_vector<float>(), whole[r].values.to_vector<float>());
    }
    const Attribution several = of({.target = Target::several({2, 0})});
    for (std::int64_t c = 0; c < 2; ++c) {
      const Attribution one = of({.target = Target::one(c == 0 ? 2 : 0)});
      EXPECT_EQ(select(several.values, 1, c).to_vector<float>(), one.values.to_vector<float>())
          << whole[r].method;
    }
    ExplainOptions eager;
    eager.pool.planned = false;
    expect_golden(of(eager).values, whole[r].values, 2e-5, whole[r].method + " op by op");
  }
  // Several layers: the mean of maps of height one, at the size of the input.
  Tensor expected = Tensor::zeros(Shape{5, 1, 8, 8});
  for (const std::string layer : {"pool", "relu2"}) {
    const Tensor map =
        explain_cam(model, x, CamRule::hires_cam, {.layers = {layer}, .resize = false}).values;
    const Tensor top = amax(map, {1, 2, 3}, true);
    expected = expected + resize(map / where(eq(top, 0.0), 1.0, top) * 0.5, {8, 8},
                                 {.mode = Interpolation::linear});
  }
  expect_golden(whole[3].values, expected, 1e-5, "two layers");
}

// The same for the two rules that compute forward; only the tail is computed for each channel.
TEST(Maps, ForwardRulesDependOnNothingElse) {
  const GoldenNets nets;
  const ModelFn model = nets.cnn();
  const Tensor x = noise(74, Shape{4, 2, 8, 8});
  using Method = std::function<Attribution(const Tensor&, const ExplainOptions&)>;
  const CamOptions cam{.layers = {"pool"}};
  const std::vector<Method> methods = {[&](const Tensor& t, const ExplainOptions& o) {
                                         return explain_ablation_cam(model, t, {.cam = cam}, o);
                                       },
                                       [&](const Tensor& t, const ExplainOptions& o) {
                                         return explain_score_cam(model, t, {.cam = cam}, o);
                                       }};
  for (const Method& explain : methods) {
    const Attribution whole = explain(x, {});
    EXPECT_EQ(whole.cost.gradient_rows, 0);
    EXPECT_EQ(whole.cost.forward_rows, 4 * (5 + 2));
    EXPECT_EQ(explain(x, {.pool = {.max_rows = 3}}).values.to_vector<float>(),
              whole.values.to_vector<float>());
    EXPECT_EQ(explain(narrow(x, 0, 3, 1), {}).values.to_vector<float>(),
              narrow(whole.values, 0, 3, 1).to_vector<float>());
    for (const std::int64_t cap : {150'000, 250'000, 900'000}) {
      const Attribution a = explain(x, {.pool = {.memory_bytes = cap}});
      EXPECT_LE(a.cost.peak_bytes, cap);
      EXPECT_EQ(a.values.to_vector<float>(), whole.values.to_vector<float>());
    }
    const Attribution several = explain(x, {.target = Target::several({2, 1})});
    EXPECT_EQ(select(several.values, 1, 1).to_vector<float>(),
              explain(x, {.target = Target::one(1)}).values.to_vector<float>());
  }
  expect_refusal(
      [&] {
        explain_ablation_cam(model, x, {.cam = {.layers = {"pool", "relu2"}}});
      },
      "2 layers");
}

TEST(Maps, GuidedGradCamIsAProduct) {
  const GoldenNets nets;
  const Tensor x = noise(75, Shape{3, 2, 8, 8});
  const CamOptions o{.layers = {"relu2"}};
  const ExplainOptions two{.target = Target::several({1, 0})};
  const Attribution a = explain_guided_grad_cam(nets.cnn(), x, o, two);
  EXPECT_EQ(a.values.shape(), (Shape{3, 2, 2, 8, 8}));
  expect_golden(a.values,
                explain_guided_backprop(nets.cnn(), x, two).values *
                    explain_cam(nets.cnn(), x, CamRule::grad_cam, o, two).values,
                1e-6, "product");
  EXPECT_EQ(a.dead.size(), 6);
}

TEST(Maps, Refusals) {
  const GoldenNets nets;
  const auto cam = [&](const CamOptions& o) {
    return [&nets, o] { explain_cam(nets.cnn(), nets.pictures, CamRule::grad_cam, o); };
  };
  expect_refusal(cam({}), "no layer was named");
  expect_refusal(cam({.layers = {"pol"}}), "did you mean");
  expect_refusal(
      [&] { explain_cam(nets.mlp(), nets.rows, CamRule::grad_cam, {.layers = {"fc1"}}); },
      "expected [C, h, w]");
  expect_refusal([&] { explain_cams(nets.cnn(), nets.pictures, {}, {.layers = {"pool"}}); },
                 "no rules");
}

}  // namespace
}  // namespace ingrad
