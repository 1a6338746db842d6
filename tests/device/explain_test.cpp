// SPDX-License-Identifier: Apache-2.0
// Explanations on a device: those of the CPU, from the same calls with moved inputs.
#include "attribution/explain.h"
#include "attribution/evaluation/curves.h"
#include "engine/random.h"
#include "models/catalog.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

constexpr Device kDevice{Device::Kind::cuda, 0};
constexpr double kTolerance = 1e-4;

class DeviceExplain : public ::testing::Test {
 protected:
  // f(model, inputs) on the CPU and on the device.
  template <class F>
  void expect_same(const char* model, const Shape& sample, const F& f) {
    const auto net = make_model({model, sample, 10}, 3);
    const ModelFn function = [&](const Tensor& x) { return (*net)(x); };
    const Tensor x = random_uniform(sample.with_inserted(0, 5), {.seed = 1});
    const Attribution here = f(function, x);
    net->to(kDevice);
    const Attribution there = f(function, x.to(kDevice));
    EXPECT_EQ(there.values.device(), kDevice);
    EXPECT_LE(worst_error(there.values, here.values), kTolerance) << model;
    EXPECT_EQ(there.targets, here.targets);
    ASSERT_EQ(there.f.size(), here.f.size());
    for (std::size_t i = 0; i < here.f.size(); ++i) EXPECT_NEAR(there.f[i], here.f[i], 1e-4);
    EXPECT_EQ(there.standard_error.defined(), here.standard_error.defined());
  }
};

TEST_F(DeviceExplain, Gradient) {
  for (const bool planned : {true, false}) {
    ExplainOptions options;
    options.pool.planned = planned;
    options.scalar = ScalarKind::margin;
    expect_same("lenet5", Shape{1, 28, 28},
                [&](const ModelFn& f, const Tensor& x) { return explain_gradient(f, x, options); });
  }
}

TEST_F(DeviceExplain, SmoothGrad) {
  SmoothGradOptions o;
  o.draws = 5;
  expect_same("mlp:64-32-10", Shape{64},
              [&](const ModelFn& f, const Tensor& x) { return explain_smooth_grad(f, x, o); });
}

// A first linear layer is computed once per path, a convolution that widens at every step.
TEST_F(DeviceExplain, IntegratedGradients) {
  IntegratedGradientsOptions o;
  o.steps = 9;
  for (const bool adaptive : {false, true}) {
    o.adaptive = adaptive;
    o.max_steps = 27;
    const auto f = [&](const ModelFn& model, const Tensor& x) {
      return explain_integrated_gradients(model, x, o);
    };
    expect_same("mlp:64-32-10", Shape{64}, f);
    expect_same("lenet5", Shape{1, 28, 28}, f);
  }
}

// On the device piece by piece, or row by row where a cap leaves no room for a piece; again with
// what an earlier explanation has left behind.
TEST_F(DeviceExplain, PathsHaveTheSameBitsBelowAnyCap) {
  const auto net = make_model({"mlp:16-12-10", Shape{16}, 10}, 3);
  net->to(kDevice);
  const Tensor x = random_uniform({2, 16}, {.seed = 1}).to(kDevice);
  IntegratedGradientsOptions o;
  o.steps = 35;  // two pieces, the last with a repetition
  o.baselines = {Tensor::zeros({16}), Tensor::full({16}, 0.5)};
  for (const bool affine_beginning : {true, false}) {
    const ModelFn f = [&](const Tensor& t) { return (*net)(affine_beginning ? t : tanh(t)); };
    ExplainOptions options;
    options.scalar = ScalarKind::contrast;
    options.contrast = {1, 2};
    options.target = Target::one(0);
    const auto bits = [&] {
      return explain_integrated_gradients(f, x, o, options).values.to({}).to_vector<float>();
    };
    const auto expected = bits();
    options.pool.plans = std::make_shared<PoolPlans>();
    for (int again = 0; again < 3; ++again) EXPECT_EQ(bits(), expected);
    options.pool.plans = nullptr;
    for (const std::int64_t cap : {1 << 20, 1 << 16, 4000}) {
      options.pool.memory_bytes = cap;
      EXPECT_EQ(bits(), expected) << "below " << cap;
    }
  }
}

TEST_F(DeviceExplain, BaselinesMayBeAnywhere) {
  IntegratedGradientsOptions o;
  for (const Device device : {Device{}, kDevice}) {
    o.baselines = {Tensor::ones({64}).to(device)};
    expect_same("mlp:64-32-10", Shape{64}, [&](const ModelFn& f, const Tensor& x) {
      return explain_integrated_gradients(f, x, o);
    });
  }
}

TEST_F(DeviceExplain, Curves) {
  const auto net = make_model({"mlp:16-12-10", Shape{16}, 10}, 3);
  const ModelFn f = [&](const Tensor& x) { return (*net)(x); };
  const Tensor x = random_uniform({4, 16}, {.seed = 1}), a = random_normal({4, 16}, {.seed = 2});
  const std::vector<std::int64_t> targets = {1, 0, 9, 4};
  const Curves here = deletion_insertion(f, x, a, targets, {});
  net->to(kDevice);
  const Curves there = deletion_insertion(f, x.to(kDevice), a.to(kDevice), targets, {});
  ASSERT_EQ(there.deletion.size(), here.deletion.size());
  for (std::size_t i = 0; i < here.deletion.size(); ++i) {
    EXPECT_NEAR(there.deletion[i], here.deletion[i], 1e-5);
    EXPECT_NEAR(there.insertion[i], here.insertion[i], 1e-5);
  }
}

}  // namespace
}  // namespace ingrad
