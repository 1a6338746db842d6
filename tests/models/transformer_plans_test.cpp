// SPDX-License-Identifier: Apache-2.0
// Plans of transformers: the same bits for any number of rows and threads, what op by op gives, and
// the operations that they count.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/losses.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/plan/plan.h"
#include "engine/random.h"
#include "models/catalog.h"
#include "models/training/step_gradients.h"

namespace ingrad {
namespace {

// Of the largest value: what rounding in f32 explains after two blocks.
constexpr double kTolerance = 2e-6;

Tensor noise(const Shape& shape) { return random_normal(shape, {31, 1, 0, 0}); }

Tensor tokens_of(std::int64_t rows, std::int64_t length, std::int64_t vocabulary) {
  std::vector<std::int64_t> t;
  for (std::int64_t i = 0; i < rows * length; ++i) t.push_back((7 * i + i * i / 3) % vocabulary);
  return Tensor::from<std::int64_t>(t, Shape{rows, length});
}

double difference(const Tensor& a, const Tensor& b) { return amax(abs(a - b)).item(); }

struct Planned {
  explicit Planned(const ModelSpec& spec) : spec_(spec), model_(make_model(spec, 5)) {}

  // Logits, and the gradient of one logit per row.
  std::vector<Tensor> operator()(std::span<const Tensor> in) const {
    const Tensor x = in[0].track(), z = (*model_)(x);
    return {z.detach(), gradient(sum(gather(z, 1, in[1])), x)};
  }
  std::vector<Tensor> inputs(std::int64_t rows) const {
    std::vector<std::int64_t> c;
    for (std::int64_t i = 0; i < rows; ++i) c.push_back(i * 3 % spec_.outputs);
    return {noise(spec_.input.with_inserted(0, rows)), Tensor::from<std::int64_t>(c, {rows, 1})};
  }
  std::vector<TensorSpec> specs(std::int64_t rows) const {
    return {{spec_.input.with_inserted(0, rows), DType::f32, {}}, {Shape{rows, 1}, DType::i64, {}}};
  }

  ModelSpec spec_;
  std::unique_ptr<Module> model_;
};

class PlannedTransformer : public testing::TestWithParam<ModelSpec> {};
INSTANTIATE_TEST_SUITE_P(
    Models, PlannedTransformer,
    testing::Values(ModelSpec{"vit:patch=4,width=24,layers=2,heads=3", {3, 16, 12}, 10},
                    ModelSpec{"vit:patch=4,width=24,layers=2,heads=3,pool=mean", {3, 16, 12}, 10},
                    ModelSpec{"gpt:layers=2,heads=2", {12, 16}, 11},
                    // In full width.
                    ModelSpec{"vit:layers=1", {3, 32, 32}, 10},
                    ModelSpec{"gpt:layers=1", {128, 128}, 65}));

TEST_P(PlannedTransformer, SameBitsForAnyRowsAndThreads) {
  const Planned net(GetParam());
  const auto plan = compile([&](std::span<const Tensor> in) { return net(in); }, net.specs(17),
                            {.tile_rows = 4, .poison = true});
  const auto all = net.inputs(17);
  Workspace workspace(plan, 1);
  const auto expected = workspace.run(all);
  const auto eager = net(all);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_LE(difference(expected[i], eager[i]), kTolerance * amax(abs(eager[i])).item()) << i;
  }
  for (const int threads : {1, 2, 3}) {
    Workspace again(plan, threads);
    for (const std::int64_t rows : {1, 3, 17}) {
      for (const std::int64_t first : {std::int64_t{0}, 17 - rows}) {
        const auto got = again.run(std::vector<Tensor>{contiguous(narrow(all[0], 0, first, rows)),
                                                       contiguous(narrow(all[1], 0, first, rows))});
        for (std::size_t i = 0; i < 2; ++i) {
          EXPECT_EQ(got[i].to_vector<float>(),
                    narrow(expected[i], 0, first, rows).to_vector<float>())
              << rows << " rows from " << first << ", " << threads << " threads";
        }
      }
    }
  }
}

TEST_P(PlannedTransformer, EveryPassKeepsTheResult) {
  const Planned net(GetParam());
  const auto inputs = net.inputs(5);
  const auto eager = net(inputs);
  std::vector<std::vector<std::string>> choices = {{}};
  for (const std::string_view pass : pass_names()) choices.push_back({std::string(pass)});
  for (const auto& without : choices) {
    const auto plan = compile([&](std::span<const Tensor> in) { return net(in); }, net.specs(5),
                              {.without = without, .poison = true});
    Workspace workspace(plan);
    const auto got = workspace.run(inputs);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_LE(difference(got[i], eager[i]), kTolerance * amax(abs(eager[i])).item())
          << (without.empty() ? "" : without[0]);
    }
  }
}

TEST(Gpt, PlanOnTokens) {
  const auto model = make_model({"gpt:layers=2,heads=2,width=16,logits=all", {12}, 11}, 4);
  const std::vector<TensorSpec> specs = {{Shape{17, 12}, DType::i64, {}}};
  const auto plan =
      compile([&](std::span<const Tensor> in) { return std::vector{(*model)(in[0])}; }, specs);
  Workspace workspace(plan);
  const Tensor t = tokens_of(17, 12, 11);
  const Tensor y = (*model)(t);
  for (const std::int64_t rows : {1, 3, 17}) {
    const auto got = workspace.run(std::vector<Tensor>{contiguous(narrow(t, 0, 17 - rows, rows))});
    EXPECT_EQ(got[0].to_vector<float>(), narrow(y, 0, 17 - rows, rows).to_vector<float>()) << rows;
  }
}

TEST(Gpt, TrainingStepPlanEqualsOpByOp) {
  const auto model = make_model({"gpt:layers=2,heads=2,width=16,logits=all", {12}, 11}, 4);
  ClassLossOptions each_position;
  each_position.reduction = LossReduction::none;
  const RowLoss loss = [&](const Tensor& logits, const Tensor& next) {
    const Tensor each =
        cross_entropy(reshape(logits, {-1, 11}), reshape(next, {-1}), each_position);
    return mean(reshape(each, next.shape()), {1});
  };
  const Tensor x = tokens_of(4, 12, 11), next = remainder(x + 1, 11);
  StepEvaluator planned(*model, model->parameters(), loss),
      eager(*model, model->parameters(), loss, Execution::op_by_op);
  const StepGradients a = planned(x, next, 1, 1), b = eager(x, next, 1, 1);
  EXPECT_NEAR(a.loss.item(), std::log(11.0), 0.1);
  EXPECT_NEAR(a.loss.item(), b.loss.item(), 1e-6);
  ASSERT_EQ(a.gradients.size(), b.gradients.size());
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    EXPECT_LE(difference(a.gradients[i], b.gradients[i]), 1e-6) << model->parameters()[i].name;
    EXPECT_GT(amax(abs(b.gradients[i])).item(), 0) << model->parameters()[i].name;
  }
}

// Of the forward pass, multiply-adds by hand; the gradient takes as many for every linear layer and
// twice as many for attention. Only what the output depends on counts.
TEST(Vit, PlansCountOperations) {
  const Planned net({"vit:patch=4,width=24,layers=2,heads=3", {3, 16, 12}, 10});
  const auto plan = compile([&](std::span<const Tensor> in) { return net(in); }, net.specs(8));
  const double tokens = 13, width = 24, patches = 12 * 48 * width, head = width * 10;
  const double linear = 2 * tokens * 12 * width * width,
               attention = 2 * 2 * tokens * tokens * width;
  EXPECT_EQ(plan->traced_flops(), 2 * (2 * (patches + linear + head) + 3 * attention));
}

TEST(Gpt, PlansCountWhatMaySeeEachOther) {
  const Planned net({"gpt:layers=1,heads=2", {12, 16}, 11});
  const auto plan = compile([&](std::span<const Tensor> in) { return net(in); }, net.specs(8));
  const double width = 16, linear = 12 * 12 * width * width, head = width * 11;
  const double attention = 2 * (12 * 13 / 2) * width;
  EXPECT_EQ(plan->traced_flops(), 2 * (2 * (linear + head) + 3 * attention));
}

}  // namespace
}  // namespace ingrad
