// SPDX-License-Identifier: Apache-2.0
// Blur, and explainers of pictures by blur and by regions.
#include <gmock/gmock.h>

#include <cmath>

#include "attribution/baseline_choices.h"
#include "attribution/explain.h"
#include "attribution/paths/blur_ig.h"
#include "attribution/paths/segments.h"
#include "attribution/paths/xrai.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/golden_nets.h"
#include "tests/attribution/pool_promises.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

std::vector<double> blur(const Tensor& picture, double sigma, BlurEdge edge) {
  return gaussian_blur({picture.data<float>(), static_cast<std::size_t>(picture.size())},
                       picture.shape(), sigma, edge);
}

TEST(GaussianBlur, IsThatOfSciPy) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("paths");
  const Tensor picture = contiguous(select(nets.pictures, 0, 0));
  const std::pair<BlurEdge, const char*> edges[] = {{BlurEdge::zero, "blur.zero"},
                                                    {BlurEdge::nearest, "blur.nearest"},
                                                    {BlurEdge::mirror, "blur.mirror"}};
  for (const auto& [edge, name] : edges) {
    std::vector<double> all;
    for (const double sigma : {0.3, 0.8, 2.5}) {
      const auto b = blur(picture, sigma, edge);
      all.insert(all.end(), b.begin(), b.end());
    }
    expect_golden(Tensor::from(all, {static_cast<std::int64_t>(all.size())}), golden.at(name),
                  1e-13, name);
  }
}

TEST(GaussianBlur, KeepsWhatItShould) {
  const Tensor grey = Tensor::full(Shape{2, 3, 5}, 0.7F);
  for (const double v : blur(grey, 3, BlurEdge::nearest)) EXPECT_NEAR(v, 0.7F, 1e-14);
  for (const double v : blur(grey, 3, BlurEdge::mirror)) EXPECT_NEAR(v, 0.7F, 1e-14);
  // Far from the edges the sum is kept; below an eighth of a point nothing changes.
  const Tensor dot = Tensor::zeros(Shape{1, 21, 21});
  dot.mutable_data<float>()[10 * 21 + 10] = 1;
  double sum = 0;
  for (const double v : blur(dot, 2, BlurEdge::zero)) sum += v;
  EXPECT_NEAR(sum, 1, 1e-14);
  const auto same = blur(dot, 0.12, BlurEdge::zero);
  EXPECT_EQ(same[10 * 21 + 10], 1);
  EXPECT_EQ(blurred_baseline(reshape(grey, Shape{1, 2, 3, 5}), 2).to_vector<float>(),
            grey.to_vector<float>());
}

TEST(BlurIg, GoldenAndSpacing) {
  const GoldenNets nets;
  const Safetensors golden = golden_explainers("paths");
  const ExplainOptions pictures{.target = nets.picture_classes};
  BlurIgOptions o{.max_sigma = 3, .steps = 20};
  const Attribution linear = explain_blur_ig(nets.cnn(), nets.pictures, o, pictures);
  expect_golden(linear.values, golden.at("blur_ig.linear"), 1e-5, "linear");
  EXPECT_EQ(linear.cost.gradient_rows, 60);
  EXPECT_EQ(linear.cost.forward_rows, 6);
  o.spacing = BlurIgOptions::Spacing::sqrt;
  const Attribution root = explain_blur_ig(nets.cnn(), nets.pictures, o, pictures);
  expect_golden(root.values, golden.at("blur_ig.sqrt"), 1e-5, "sqrt");
  // Both begin at max_sigma; PAIR's `sqrt` would begin at its root.
  EXPECT_EQ(root.f_baseline, linear.f_baseline);
}

// P1 and P2: whole steps are exact for a linear model; a net's delta vanishes with the steps.
TEST(BlurIg, IsComplete) {
  const Tensor x = noise(100, Shape{2, 2, 6, 6}), w = noise(101, Shape{1, 72});
  const ModelFn model = [&](const Tensor& in) { return linear(flatten(in, 1), w); };
  for (const auto spacing : {BlurIgOptions::Spacing::linear, BlurIgOptions::Spacing::sqrt}) {
    const BlurIgOptions o{.max_sigma = 4, .steps = 3, .spacing = spacing, .derivative_step = 0};
    const Attribution a = explain_blur_ig(model, x, o, kOnly);
    const Tensor expected =
        reshape(w, Shape{1, 2, 6, 6}) * (x - blurred_baseline(x, 4, BlurEdge::zero));
    expect_golden(a.values, expected, 1e-5, "linear model");
    for (const double d : a.relative_delta) EXPECT_LE(d, 1e-5);
  }
  const ModelFn net = conv_net();
  const Tensor pictures = noise(102, Shape{3, 2, 8, 8});
  const auto worst = [&](int steps) {
    const Attribution a =
        explain_blur_ig(net, pictures, {.max_sigma = 2, .steps = steps, .derivative_step = 0});
    double largest = 0;
    for (const double d : a.delta) largest = std::max(largest, std::abs(d));
    return largest;
  };
  // Kinks: like 1 / n at best.
  const double coarse = worst(50), fine = worst(1600);
  EXPECT_LT(fine, 0.01);
  EXPECT_LT(fine, coarse / 8);
}

TEST(BlurIg, KeepsThePromisesOfThePool) {
  const ModelFn model = conv_net();
  expect_pool_promises(
      [&](const Tensor& x, const ExplainOptions& o) {
        return explain_blur_ig(model, x, {.max_sigma = 3, .steps = 9}, o);
      },
      noise(103, Shape{5, 2, 8, 8}), "blur_ig");
}

TEST(BlurIg, Refusals) {
  const ModelFn model = mlp(6, 2, true);
  expect_refusal([&] { explain_blur_ig(model, noise(1, Shape{1, 6})); }, "pictures");
  expect_refusal([&] { explain_blur_ig(model, noise(1, Shape{1, 6}), {.steps = 0}); }, "0 steps");
  expect_refusal(
      [&] {
        explain_blur_ig(model, noise(1, Shape{1, 6}), {.max_sigma = 0});
      },
      "sigma 0");
}

// A line of points 0, 1, 3, 7: edges of weight 1, 2 and 4.
TEST(Segments, FelzenszwalbOfALine) {
  const std::vector<double> line = {0, 1, 3, 7};
  const auto with = [&](double k, int min_size) {
    return felzenszwalb(line, Shape{1, 1, 4}, {.scale = 255 * k, .sigma = 0, .min_size = min_size});
  };
  using Numbers = std::vector<std::int32_t>;
  EXPECT_EQ(with(0.9, 0), (Numbers{0, 1, 2, 3}));  // 1 > 0 + 0.9
  EXPECT_EQ(with(1.9, 0), (Numbers{0, 0, 1, 2}));  // 2 > 1 + 1.9 / 2
  EXPECT_EQ(with(2, 0), (Numbers{0, 0, 0, 1}));    // 2 = 1 + 2 / 2; 4 > 0 + 2
  EXPECT_EQ(with(6, 0), (Numbers{0, 0, 0, 0}));    // 4 = 2 + 6 / 3
  EXPECT_EQ(with(5.9, 0), (Numbers{0, 0, 0, 1}));
  EXPECT_EQ(with(1.9, 2), (Numbers{0, 0, 0, 0}));  // {2} joins {0, 1}, then {3}
  EXPECT_EQ(with(0, 2), (Numbers{0, 0, 0, 0}));
}

// Two flat halves of 32 points, one step apart: they join from scale 255 x 32 on.
TEST(Segments, FelzenszwalbOfTwoHalves) {
  std::vector<double> halves(128);
  for (std::size_t i = 0; i < 128; ++i) halves[i] = i % 8 < 4 ? 0 : 1 / std::sqrt(2.0);
  const Shape row{2, 8, 8};  // two channels: their distance is 1
  for (const auto& [scale, count] : {std::pair{255 * 31.9, 2}, {255 * 32.1, 1}}) {
    const auto numbers = felzenszwalb(halves, row, {.scale = scale, .sigma = 0, .min_size = 0});
    EXPECT_EQ(static_cast<int>(segments_of(numbers).size()), count);
    EXPECT_EQ(numbers[0], 0);
    EXPECT_EQ(numbers[7], count - 1);
  }
  // Diagonal neighbours are neighbours.
  std::vector<double> board(16);
  for (std::size_t i = 0; i < 16; ++i) board[i] = (i / 4 + i % 4) % 2 == 0 ? 0 : 1;
  EXPECT_EQ(
      segments_of(felzenszwalb(board, Shape{1, 4, 4}, {.scale = 1, .sigma = 0, .min_size = 0}))
          .size(),
      2U);
}

TEST(Segments, Dilation) {
  const Segment middle = {12};
  EXPECT_EQ(dilated(middle, 5, 5, 0), middle);
  EXPECT_EQ(dilated(middle, 5, 5, 1), (Segment{7, 11, 12, 13, 17}));
  EXPECT_EQ(dilated(middle, 5, 5, 2).size(), 13U);
  EXPECT_EQ(dilated({0, 4}, 5, 5, 1), (Segment{0, 1, 3, 4, 5, 9}));
  EXPECT_EQ(segments_of(std::vector<std::int32_t>{2, 0, 2}), (std::vector<Segment>{{1}, {0, 2}}));
}

TEST(Xrai, RanksByTheMeanOfNewPoints) {
  const std::vector<double> map = {6, 2, 1, 0, -1, 4};
  // {0, 1}: mean 4; then {1, 2, 5} has 1 and 4 left, mean 2.5, before {0, 1, 5, 3}, mean 2.
  EXPECT_EQ(rank_segments(map, {{0, 1}, {1, 2, 5}, {0, 1, 5, 3}}, 1),
            (std::vector<double>{4, 4, 2.5, 0, -1, 2.5}));
  // With two new points at least the last segment is left out: the rest gets its mean.
  EXPECT_EQ(rank_segments(map, {{0, 1}, {1, 2, 5}, {0, 1, 5, 3}}, 2),
            (std::vector<double>{4, 4, 2.5, -0.5, -0.5, 2.5}));
  EXPECT_EQ(rank_segments(map, {}, 1), (std::vector<double>(6, 2)));
  EXPECT_EQ(rank_segments(map, {{}, {5}}, 0)[5], 4);
}

// A linear model: Integrated Gradients are w times the distance from the mean of black and white.
TEST(Xrai, OfALinearModel) {
  const Tensor w = Tensor::from<float>({1, 2, 3, 4, -1, 0, 0, 5}, Shape{1, 8});
  const ModelFn model = [&](const Tensor& x) { return linear(flatten(x, 1), w); };
  const Tensor x = Tensor::from<float>({0, 1, 2, 4, 4, 1, 2, 3}, Shape{1, 2, 2, 2});
  // Baselines 0 and 4: distances from 2 are -2, -1, 0, 2; 2, -1, 0, 1. Largest channel of -2, -2,
  // 0, 8 and -2, 0, 0, 5: -2, 0, 0, 8.
  const Tensor masks = Tensor::from<std::int64_t>({0, 1, 0, 1, 1, 0, 1, 0}, Shape{2, 2, 2});
  const Attribution a = explain_xrai(model, x, {.segments = masks}, kOnly);
  EXPECT_EQ(a.values.shape(), (Shape{1, 1, 2, 2}));
  const auto v = a.values.to_vector<double>();
  const double expected[] = {-1, 4, -1, 4};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(v[i], expected[i], 1e-5);
  EXPECT_EQ(a.cost.gradient_rows, 200);
  EXPECT_EQ(a.method, "xrai");
  EXPECT_TRUE(a.delta.empty());
  // One segment more for every sample on its own.
  const Tensor two = concat({x, x}, 0);
  const Tensor each = Tensor::from<std::int64_t>({0, 1, 0, 1, 1, 1, 1, 1}, Shape{2, 1, 2, 2});
  const auto b =
      explain_xrai(model, two, {.steps = 2, .segments = each}, kOnly).values.to_vector<double>();
  const double both[] = {-1, 4, -1, 4, 1.5, 1.5, 1.5, 1.5};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(b[i], both[i], 1e-5);
}

// A bright square on dark ground that alone matters: its points have the largest values, and the
// values are constant on it.
TEST(Xrai, FindsTheObjectWithItsOwnSegments) {
  const Tensor x = noise(104, Shape{2, 1, 32, 32}, 0.02);
  const Tensor w = Tensor::zeros(Shape{1, 1024});
  for (std::int64_t y = 8; y < 16; ++y) {
    for (std::int64_t c = 20; c < 28; ++c) {
      x.mutable_data<float>()[y * 32 + c] += 1;
      x.mutable_data<float>()[1024 + (y + 8) * 32 + c - 10] += 1;
      w.mutable_data<float>()[y * 32 + c] = 1;
    }
  }
  const ModelFn model = [&](const Tensor& in) { return linear(flatten(in, 1), w); };
  const auto v =
      explain_xrai(model, x, {.steps = 2, .dilation = 0}, kOnly).values.to_vector<double>();
  double inside = INFINITY, outside = -INFINITY;
  for (std::int64_t i = 0; i < 1024; ++i) {
    const bool in = i / 32 >= 8 && i / 32 < 16 && i % 32 >= 20 && i % 32 < 28;
    (in ? inside : outside) = in ? std::min(inside, v[static_cast<std::size_t>(i)])
                                 : std::max(outside, v[static_cast<std::size_t>(i)]);
  }
  EXPECT_GT(inside, 0.3);
  EXPECT_LT(outside, 0.1);
}

TEST(Xrai, KeepsThePromisesOfThePool) {
  const ModelFn model = conv_net();
  expect_pool_promises(
      [&](const Tensor& x, const ExplainOptions& o) {
        return explain_xrai(model, x, {.steps = 5, .scales = {50, 500}}, o);
      },
      noise(103, Shape{5, 2, 8, 8}), "xrai");
}

TEST(Xrai, Refusals) {
  const ModelFn model = conv_net();
  const Tensor x = noise(105, Shape{2, 2, 8, 8});
  expect_refusal([&] { explain_xrai(model, noise(1, Shape{1, 6})); }, "pictures");
  expect_refusal(
      [&] {
        explain_xrai(model, x, {.segments = Tensor::zeros(Shape{3, 8, 7})});
      },
      "[3, 8, 7]");
  expect_refusal(
      [&] {
        explain_xrai(model, x, {.segments = Tensor::zeros(Shape{3, 1, 8, 8})});
      },
      "[S, H, W]");
  expect_refusal([&] { explain_xrai(model, x, {.scales = {}}); }, "0 scales");
  expect_refusal([&] { explain_xrai(model, x, {.sigma = -1}); }, "sigma -1");
  expect_refusal([&] { explain_xrai(model, Tensor::full(Shape{1, 2, 8, 8}, INFINITY)); }, "inf");
}

}  // namespace
}  // namespace ingrad
