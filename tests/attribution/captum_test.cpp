// SPDX-License-Identifier: Apache-2.0
// The two trained networks of Captum's tutorials: predictions, gradients and Integrated Gradients
// of a separate implementation in double (weights/captum in the folder that INGRAD_DATA names).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "attribution/explain.h"
#include "engine/io/safetensors.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

class Captum : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("INGRAD_DATA");
    if (data != nullptr) folder_ = std::filesystem::path(data) / "weights" / "captum";
    if (data == nullptr || !std::filesystem::exists(folder_)) {
      GTEST_SKIP() << "needs weights/captum in the folder that INGRAD_DATA names";
    }
  }
  Safetensors file(const std::string& name) const {
    return read_safetensors((folder_ / (name + ".safetensors")).string());
  }

 private:
  std::filesystem::path folder_;
};

// Largest difference relative to the largest expected value.
double relative_error(const Tensor& got, const Tensor& expected) {
  const auto g = got.to_vector<double>(), e = expected.to_vector<double>();
  if (got.shape() != expected.shape()) return INFINITY;
  double scale = 0, worst = 0;
  for (std::size_t i = 0; i < g.size(); ++i) {
    scale = std::max(scale, std::abs(e[i]));
    worst = std::max(worst, std::abs(g[i] - e[i]));
  }
  return worst / scale;
}

TEST_F(Captum, CaliforniaRegression) {
  const Safetensors weights = file("california_model"), reference = file("reference-california");
  const ModelFn model = [&](const Tensor& x) {
    Tensor h = x;
    for (const char* layer : {"lin1", "lin2", "lin3"}) {
      const std::string name = layer;
      h = relu(linear(h, weights.at(name + ".weight"), weights.at(name + ".bias")));
    }
    return linear(h, weights.at("lin4.weight"), weights.at("lin4.bias"));
  };
  const Tensor x = cast(reference.at("input"), DType::f32);
  EXPECT_LE(relative_error(model(x), reference.at("prediction")), 1e-5);
  const ExplainOptions only{.target = Target::only_output()};
  EXPECT_LE(relative_error(explain_gradient(model, x, only).values, reference.at("grad")), 1e-5);
  // Piecewise linear, with unscaled inputs: the error of n midpoint steps is about 1 / n. The
  // reference took 20,000.
  const Attribution a = explain_integrated_gradients(
      model, x, {.rule = QuadratureRule::midpoint, .steps = 20000}, only);
  EXPECT_LE(relative_error(a.values, reference.at("integrated_gradients_zero_baseline")), 1e-4);
  for (const double d : a.delta) EXPECT_LE(std::abs(d), 5e-4);
  EXPECT_NEAR(a.f_baseline[0], -0.146919, 1e-6);
}

TEST_F(Captum, CifarLeNet) {
  const Safetensors w = file("cifar_torchvision"), reference = file("reference-cifar");
  const ModelFn model = [&](const Tensor& x) {
    Tensor h = max_pool2d(relu(conv2d(x, w.at("conv1.weight"), w.at("conv1.bias"))), {2, 2});
    h = max_pool2d(relu(conv2d(h, w.at("conv2.weight"), w.at("conv2.bias"))), {2, 2});
    h = relu(linear(flatten(h, 1), w.at("fc1.weight"), w.at("fc1.bias")));
    h = relu(linear(h, w.at("fc2.weight"), w.at("fc2.bias")));
    return linear(h, w.at("fc3.weight"), w.at("fc3.bias"));
  };
  const Tensor x = reference.at("input");
  EXPECT_LE(relative_error(model(x), reference.at("logits")), 1e-5);
  const ExplainOptions labels{
      .target = Target::per_sample(reference.at("label").to_vector<std::int64_t>())};
  const Attribution gradient = explain_gradient(model, x, labels);
  EXPECT_LE(relative_error(gradient.values, reference.at("grad_of_label_logit_wrt_input")), 1e-5);
  const Attribution a = explain_integrated_gradients(
      model, x, {.rule = QuadratureRule::midpoint, .steps = 500}, labels);
  const Tensor& expected = reference.at("integrated_gradients_zero_baseline_500_midpoint");
  EXPECT_LE(relative_error(a.values, expected), 1e-4);
  for (const double d : a.delta) EXPECT_LT(std::abs(d), 0.02);
}

}  // namespace
}  // namespace ingrad
