// SPDX-License-Identifier: Apache-2.0
// Blur, and explainers of pictures by blur and by regions.
#include <gmock/gmock.h>

#include <cmath>

#include "attribution/baseline_choices.h"
#include "attribution/explain.h"
#include "attribution/paths/blur_ig.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "tests/attribution/golden_nets.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

const ExplainOptions kOnly{.target = Target::only_output()};

template <class Run>
void expect_refusal(Run run, const std::string& part) {
  try {
    run();
    ADD_FAILURE() << "expected an Error about " << part;
  } catch (const Error& e) {
    EXPECT_THAT(e.message(), testing::HasSubstr(part));
  }
}

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
  expect_golden(explain_blur_ig(nets.cnn(), nets.pictures, o, pictures).values,
                golden.at("blur_ig.sqrt"), 1e-5, "sqrt");
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

// P12, P15, P20, plans: the same bits in any batch, for several classes, below any cap.
template <class Explain>
void expect_pool_promises(const Explain& explain, const std::string& what) {
  const Tensor x = noise(103, Shape{5, 2, 8, 8});
  const Attribution whole = explain(x, ExplainOptions{});
  for (const std::int64_t rows : {1, 3, 256}) {
    EXPECT_EQ(explain(x, {.pool = {.max_rows = rows}}).values.template to_vector<float>(),
              whole.values.template to_vector<float>())
        << what << " " << rows;
  }
  EXPECT_EQ(explain(narrow(x, 0, 3, 1), {}).values.template to_vector<float>(),
            narrow(whole.values, 0, 3, 1).template to_vector<float>())
      << what;
  for (const std::int64_t cap : {90'000, 200'000, 800'000}) {
    const Attribution a = explain(x, {.pool = {.memory_bytes = cap}});
    EXPECT_LE(a.cost.peak_bytes, cap) << what;
    EXPECT_EQ(a.values.template to_vector<float>(), whole.values.template to_vector<float>());
  }
  expect_golden(explain(x, {.pool = {.planned = false}}).values, whole.values, 2e-5, what);
  const Attribution all = explain(x, {.target = Target::several({2, 0})});
  for (std::int64_t c = 0; c < 2; ++c) {
    EXPECT_EQ(
        select(all.values, 1, c).template to_vector<float>(),
        explain(x, {.target = Target::one(c == 0 ? 2 : 0)}).values.template to_vector<float>())
        << what << " class " << c;
  }
}

TEST(BlurIg, KeepsThePromisesOfThePool) {
  const ModelFn model = conv_net();
  expect_pool_promises(
      [&](const Tensor& x, const ExplainOptions& o) {
        return explain_blur_ig(model, x, {.max_sigma = 3, .steps = 9}, o);
      },
      "blur_ig");
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

}  // namespace
}  // namespace ingrad
