// SPDX-License-Identifier: Apache-2.0
// Each layer: what it is made of, how it starts, and what it computes, against plain loops, hand
// computed values or the op that it stands for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/norm.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "models/layers/activation.h"
#include "models/layers/batch_norm.h"
#include "models/layers/conv.h"
#include "models/layers/conv_transpose.h"
#include "models/layers/dropout.h"
#include "models/layers/embedding.h"
#include "models/layers/flatten.h"
#include "models/layers/group_norm.h"
#include "models/layers/layer_norm.h"
#include "models/layers/linear.h"
#include "models/layers/pooling.h"
#include "models/layers/sequential.h"

namespace ingrad {
namespace {

using Doubles = std::vector<double>;

Tensor noise(const Shape& shape, std::uint64_t stream = 1, DType dtype = DType::f64) {
  return random_normal(shape, {11, stream, 0, 0}, 0, 1, dtype);
}

// Name and shape of everything in the state: "weight[4, 3] bias[4]".
std::string state_of(const Module& m) {
  std::string all;
  for (const auto& [name, tensor] : m.state()) {
    all += (all.empty() ? "" : " ") + name + tensor.shape().str();
  }
  return all;
}

double largest(const Tensor& t) { return amax(abs(t)).item(); }

void expect_near(const Tensor& got, const Doubles& expected, double tolerance = 1e-12) {
  const auto v = got.to_vector<double>();
  ASSERT_EQ(v.size(), expected.size());
  for (std::size_t i = 0; i < v.size(); ++i) EXPECT_NEAR(v[i], expected[i], tolerance) << i;
}

TEST(Linear, ByHand) {
  Linear layer(2, 3, {.dtype = DType::f64});
  EXPECT_EQ(state_of(layer), "weight[3, 2] bias[3]");
  layer.load_state(NamedTensors{{"weight", Tensor::from<double>({1, 2, 3, 4, 5, 6}, {3, 2})},
                                {"bias", Tensor::from<double>({0.5, 0, -1}, {3})}});
  expect_near(layer(Tensor::from<double>({1, -1}, {1, 2})), {-0.5, -1, -2});
  EXPECT_EQ(layer(noise({4, 5, 2})).shape(), (Shape{4, 5, 3}));
  EXPECT_EQ(state_of(Linear(2, 3, {.bias = false})), "weight[3, 2]");
  EXPECT_EQ(Linear(2, 3, {.bias = false}).describe(), "Linear(2, 3, bias=false)");
  EXPECT_THROW(Linear(0, 3), Error);
}

TEST(Linear, StartsAsInPyTorch) {
  Linear layer(400, 300);
  layer.initialize(1);
  // Uniform within 1 / sqrt(400), weight and bias.
  EXPECT_LE(largest(layer.weight()), 0.05);
  EXPECT_GT(largest(layer.weight()), 0.0499);
  EXPECT_LE(largest(layer.bias()), 0.05);
  EXPECT_GT(largest(layer.bias()), 0.045);
}

TEST(Conv, IsItsOp) {
  Conv2d layer(4, 6, {3, 2}, {.stride = {2, 1}, .padding = {1}, .groups = 2, .dtype = DType::f64});
  layer.initialize(1);
  EXPECT_EQ(state_of(layer), "weight[6, 2, 3, 2] bias[6]");
  EXPECT_EQ(layer.describe(),
            "Conv2d(4, 6, kernel=3x2, stride=2x1, padding=1, groups=2, dtype=f64)");
  const Tensor x = noise({2, 4, 7, 5});
  const Tensor expected =
      conv2d(x, layer.weight(), layer.bias(), {.stride = {2, 1}, .padding = {1}, .groups = 2});
  EXPECT_EQ(layer(x).to_vector<double>(), expected.to_vector<double>());
  // 1 / sqrt(fan in), 2 channels times 6 points.
  EXPECT_LE(largest(layer.weight()), 1 / std::sqrt(12.0));
  EXPECT_LE(largest(layer.bias()), 1 / std::sqrt(12.0));

  Conv1d one(1, 1, {3}, {.same_padding = true, .bias = false, .dtype = DType::f64});
  one.load_state(NamedTensors{{"weight", Tensor::from<double>({1, 2, 4}, {1, 1, 3})}});
  expect_near(one(Tensor::from<double>({1, 0, 0, 1}, {1, 1, 4})), {2, 1, 4, 2});
  Conv3d three(2, 3, {2});
  three.initialize(1);
  EXPECT_EQ(three(noise({1, 2, 4, 5, 6}, 1, DType::f32)).shape(), (Shape{1, 3, 3, 4, 5}));

  EXPECT_THROW(Conv2d(3, 4, {3}, {.groups = 2}), Error);
  EXPECT_THROW(Conv2d(3, 4, {3, 3, 3}), Error);
  EXPECT_THROW(Conv2d(3, 4, {0}), Error);
}

TEST(ConvTranspose, ByHandAndItsOp) {
  ConvTranspose1d one(1, 1, {2}, {.stride = {2}, .bias = false, .dtype = DType::f64});
  one.load_state(NamedTensors{{"weight", Tensor::from<double>({1, 10}, {1, 1, 2})}});
  expect_near(one(Tensor::from<double>({1, 2, 3}, {1, 1, 3})), {1, 10, 2, 20, 3, 30});

  ConvTranspose2d layer(4, 6, {3}, {.stride = {2}, .output_padding = {1}, .groups = 2});
  layer.initialize(1);
  EXPECT_EQ(state_of(layer), "weight[4, 3, 3, 3] bias[6]");
  EXPECT_EQ(layer.describe(),
            "ConvTranspose2d(4, 6, kernel=3, stride=2, output_padding=1, groups=2)");
  EXPECT_EQ(layer(noise({2, 4, 5, 5}, 1, DType::f32)).shape(), (Shape{2, 6, 12, 12}));
  EXPECT_LE(largest(layer.weight()), 1 / std::sqrt(27.0));
  ConvTranspose3d three(2, 3, {2});
  EXPECT_EQ(three(noise({1, 2, 3, 4, 5}, 1, DType::f32)).shape(), (Shape{1, 3, 4, 5, 6}));
  EXPECT_THROW(ConvTranspose2d(3, 4, {3}, {.groups = 2}), Error);
}

TEST(BatchNorm, StatisticsByPlainLoops) {
  constexpr std::int64_t kRows = 5, kChannels = 3, kPoints = 4;
  BatchNorm layer(kChannels, {.momentum = 0.3, .dtype = DType::f64});
  EXPECT_EQ(state_of(layer), "weight[3] bias[3] running_mean[3] running_var[3]");
  const Tensor x = noise({kRows, kChannels, 2, 2});
  const auto v = x.to_vector<double>();
  Doubles normalized(v.size()), running_mean, running_variance;
  for (std::int64_t c = 0; c < kChannels; ++c) {
    double mean = 0, variance = 0;
    const auto each = [&](auto f) {
      for (std::int64_t r = 0; r < kRows; ++r) {
        for (std::int64_t i = 0; i < kPoints; ++i) {
          f(static_cast<std::size_t>((r * kChannels + c) * kPoints + i));
        }
      }
    };
    constexpr double kCount = kRows * kPoints;
    each([&](std::size_t i) { mean += v[i] / kCount; });
    each([&](std::size_t i) { variance += (v[i] - mean) * (v[i] - mean) / kCount; });
    each([&](std::size_t i) { normalized[i] = (v[i] - mean) / std::sqrt(variance + 1e-5); });
    running_mean.push_back(0.3 * mean);
    running_variance.push_back(0.7 + 0.3 * variance * kCount / (kCount - 1));
  }
  layer.initialize(1);
  Pass pass(Mode::train);
  expect_near(layer.run(x, pass), normalized);
  pass.apply_updates();
  expect_near(layer.buffers()[0].tensor, running_mean);
  expect_near(layer.buffers()[1].tensor, running_variance);

  Doubles evaluated(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    const std::size_t c = i / kPoints % kChannels;
    evaluated[i] = (v[i] - running_mean[c]) / std::sqrt(running_variance[c] + 1e-5);
  }
  expect_near(layer(x), evaluated);
  EXPECT_EQ(layer(noise({4, kChannels})).shape(), (Shape{4, kChannels}));
  EXPECT_EQ(layer(noise({4, kChannels, 2, 2, 2})).shape(), (Shape{4, kChannels, 2, 2, 2}));
}

TEST(BatchNorm, Options) {
  BatchNorm plain(3, {.affine = false, .track_running_statistics = false, .dtype = DType::f64});
  EXPECT_EQ(state_of(plain), "");
  const Tensor x = noise({6, 3});
  // Evaluation has nothing but the batch to go by.
  Pass pass(Mode::train);
  EXPECT_EQ(plain(x).to_vector<double>(), plain.run(x, pass).to_vector<double>());
  EXPECT_EQ(plain.describe(),
            "BatchNorm(3, affine=false, track_running_statistics=false, dtype=f64)");
  EXPECT_THROW(BatchNorm(0), Error);
}

TEST(OtherNorms, AreTheirOps) {
  const Tensor x = noise({3, 4, 5});
  LayerNorm layer({4, 5}, {.dtype = DType::f64});
  RmsNorm rms({5}, {.epsilon = 1e-6, .dtype = DType::f64});
  GroupNorm group(2, 4, {.dtype = DType::f64});
  InstanceNorm instance(4, {.affine = true, .dtype = DType::f64});
  EXPECT_EQ(state_of(layer), "weight[4, 5] bias[4, 5]");
  EXPECT_EQ(state_of(rms), "weight[5]");
  EXPECT_EQ(state_of(group), "weight[4] bias[4]");
  EXPECT_EQ(state_of(instance), "weight[4] bias[4]");
  const auto compare = [&](Module& m, const std::function<Tensor(Tensor, Tensor)>& op) {
    m.initialize(1);  // ones and zeros
    EXPECT_EQ(m(x).to_vector<double>(), op({}, {}).to_vector<double>()) << m.describe();
    Tensor weight, bias;
    for (const auto& [name, tensor] : m.parameters()) {
      tensor.assign(noise(tensor.shape(), stream_of(name)));
      (name == "weight" ? weight : bias) = tensor;
    }
    EXPECT_EQ(m(x).to_vector<double>(), op(weight, bias).to_vector<double>()) << m.describe();
  };
  compare(layer, [&](Tensor w, Tensor b) { return layer_norm(x, {4, 5}, w, b); });
  compare(rms, [&](Tensor w, Tensor) { return rms_norm(x, {5}, w, 1e-6); });
  compare(group, [&](Tensor w, Tensor b) { return group_norm(x, 2, w, b); });
  compare(instance, [&](Tensor w, Tensor b) { return instance_norm(x, w, b); });
  EXPECT_EQ(state_of(LayerNorm({5}, {.bias = false})), "weight[5]");
  EXPECT_EQ(state_of(LayerNorm({5}, {.affine = false})), "");
  EXPECT_EQ(state_of(InstanceNorm(4)), "");
  EXPECT_THROW(GroupNorm(3, 4), Error);
  EXPECT_THROW(InstanceNorm(0), Error);
}

TEST(Embedding, RowsOfTheTable) {
  Embedding layer(5, 3, {.padding_idx = -1, .dtype = DType::f64});
  layer.initialize(1);
  const auto table = layer.weight().to_vector<double>();
  EXPECT_EQ(Doubles(table.end() - 3, table.end()), (Doubles{0, 0, 0}));
  EXPECT_NE(table[0], 0);
  const Tensor index = Tensor::from<std::int64_t>({1, 4, 0, 1}, {2, 2});
  const Tensor y = layer(index);
  EXPECT_EQ(y.shape(), (Shape{2, 2, 3}));
  Doubles expected;
  for (const std::size_t row : {1, 4, 0, 1}) {
    for (std::size_t i = 0; i < 3; ++i) expected.push_back(table[row * 3 + i]);
  }
  expect_near(y, expected, 0);
  EXPECT_THROW(layer(Tensor::from<std::int64_t>({5}, {1})), Error);
  EXPECT_THROW(Embedding(5, 3, {.padding_idx = 5}), Error);
}

TEST(Dropout, ByCounter) {
  Sequential net;
  net.add<Dropout>(0.25);
  const Tensor x = Tensor::ones({200, 500});
  EXPECT_TRUE(net(x).same_as(x));
  Pass pass(Mode::train, 3, 1);
  const auto y = net.run(x, pass).to_vector<double>();
  const auto zeros = static_cast<double>(std::count(y.begin(), y.end(), 0.0));
  EXPECT_NEAR(zeros / 100000, 0.25, 5 * std::sqrt(0.25 * 0.75 / 100000));
  EXPECT_NEAR(*std::max_element(y.begin(), y.end()), 1 / 0.75, 1e-6);
  // A row's values belong to its number, not to its place in the batch.
  Pass later(Mode::train, 3, 1);
  later.first_row = 150;
  const auto tail = net.run(narrow(x, 0, 150, 50), later).to_vector<double>();
  EXPECT_EQ(tail, Doubles(y.end() - 50 * 500, y.end()));

  Dropout all(1);
  EXPECT_EQ(largest(all.run(x, pass)), 0);
  EXPECT_THROW(Dropout(1.5), Error);
}

TEST(Activation, ByName) {
  const Tensor x = noise({3, 4});
  for (const std::string& name : Activation::names()) {
    EXPECT_EQ(Activation(name)(x).shape(), x.shape()) << name;
  }
  const Tensor two = Tensor::from<double>({-2, 3}, {1, 2});
  expect_near(Activation("relu")(two), {0, 3});
  expect_near(Activation("leaky_relu:0.2")(two), {-0.4, 3});
  expect_near(Activation("leaky_relu:negative_slope=0.5")(two), {-1, 3});
  expect_near(Activation("softplus:beta=2,threshold=5")(two), {std::log1p(std::exp(-4)) / 2, 3});
  expect_near(sum(Activation("softmax")(x), {1}), {1, 1, 1});
  EXPECT_THROW(Activation("rely"), Error);
  EXPECT_THROW(Activation("relu:0.2"), Error);
  EXPECT_THROW(Activation("leaky_relu:steep"), Error);
}

TEST(Pooling, ByHand) {
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});
  expect_near(MaxPool2d({2})(x), {5});
  expect_near(MaxPool2d({2}, {.stride = {1}})(x), {5, 6, 8, 9});
  expect_near(AvgPool2d({2}, {.stride = {1}})(x), {3, 4, 6, 7});
  expect_near(AdaptiveAvgPool2d({2})(x), {3, 4, 6, 7});
  expect_near(GlobalAvgPool()(x), {5});
  EXPECT_EQ(GlobalAvgPool()(noise({2, 3, 4})).shape(), (Shape{2, 3}));
  EXPECT_THROW(GlobalAvgPool()(noise({2, 3})), Error);
  EXPECT_EQ(MaxPool1d({2})(noise({2, 3, 5})).shape(), (Shape{2, 3, 2}));
  EXPECT_EQ(AvgPool3d({2})(noise({2, 3, 4, 4, 4})).shape(), (Shape{2, 3, 2, 2, 2}));
  EXPECT_EQ(MaxPool2d({3}, {.stride = {2}, .padding = {1}}).describe(),
            "MaxPool2d(3, stride=2, padding=1)");
}

TEST(Flatten, Axes) {
  EXPECT_EQ(Flatten()(noise({2, 3, 4})).shape(), (Shape{2, 12}));
  EXPECT_EQ(Flatten(0, 1)(noise({2, 3, 4})).shape(), (Shape{6, 4}));
}

}  // namespace
}  // namespace ingrad
