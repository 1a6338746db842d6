// SPDX-License-Identifier: Apache-2.0
// Training steps by plans are the steps that the ops take one by one.
#include "models/training/step_gradients.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/optim/optimizers.h"
#include "models/catalog.h"
#include "models/layers/dropout.h"
#include "models/layers/linear.h"
#include "models/layers/sequential.h"
#include "models/training/objective.h"

namespace ingrad {
namespace {

struct Net {
  std::string name;
  Shape sample;
};

Tensor inputs(const Shape& sample, std::int64_t rows) {
  return random_normal(sample.with_inserted(0, rows), {1, 2, 3, static_cast<std::uint64_t>(rows)});
}

Tensor labels(std::int64_t rows) {
  std::vector<std::int64_t> c;
  for (std::int64_t i = 0; i < rows; ++i) c.push_back(i * 7 % 10);
  return Tensor::from(c, Shape{rows});
}

// Parameters and buffers after a few steps on batches of 12 rows, then 5.
std::vector<std::vector<float>> trained(const Net& net, Execution execution) {
  const auto model = build_model({net.name, net.sample, 10});
  model->initialize(3);
  const NamedTensors parameters = model->parameters();
  const ParameterGroup group{parameters};
  Sgd optimizer({&group, 1}, {.learning_rate = 0.05, .momentum = 0.9});
  StepEvaluator evaluate(*model, parameters, row_loss(Task::classification), execution);
  for (const std::int64_t rows : {12, 12, 5, 12}) {
    const StepGradients found = evaluate(inputs(net.sample, rows), labels(rows), 0, 0);
    EXPECT_TRUE(std::isfinite(found.loss.item()));
    EXPECT_EQ(found.losses.shape(), (Shape{rows}));
    found.apply_updates();
    optimizer.step(found.gradients);
  }
  std::vector<std::vector<float>> all;
  for (const NamedTensor& t : model->state()) all.push_back(t.tensor.to_vector<float>());
  return all;
}

class PlannedSteps : public ::testing::TestWithParam<Net> {};

TEST_P(PlannedSteps, EqualThoseOpByOp) {
  const auto planned = trained(GetParam(), Execution::exact_plan);
  const auto eager = trained(GetParam(), Execution::op_by_op);
  ASSERT_EQ(planned.size(), eager.size());
  for (std::size_t i = 0; i < eager.size(); ++i) EXPECT_EQ(planned[i], eager[i]) << i;
}

// Winograd's method rounds differently.
TEST_P(PlannedSteps, AreCloseInAnyCase) {
  const auto planned = trained(GetParam(), Execution::plan);
  const auto eager = trained(GetParam(), Execution::op_by_op);
  for (std::size_t i = 0; i < eager.size(); ++i) {
    for (std::size_t j = 0; j < eager[i].size(); ++j) {
      ASSERT_NEAR(planned[i][j], eager[i][j], 2e-3) << i << ", " << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Nets, PlannedSteps,
                         ::testing::Values(Net{"mlp:17-33-10", Shape{17}},
                                           Net{"lenet5", Shape{1, 28, 28}},
                                           Net{"cnn3", Shape{3, 16, 16}},
                                           Net{"resnet18:stem=cifar,width=8", Shape{3, 16, 16}}),
                         [](const auto& p) { return "net" + std::to_string(p.index); });

TEST(StepEvaluator, DrawsNewNumbersInEveryStep) {
  Sequential model;
  model.add<Linear>(6, 4);
  model.add<Dropout>(0.5);
  model.initialize(1);
  StepEvaluator evaluate(model, model.parameters(), row_loss(Task::classification));
  const Tensor x = inputs(Shape{6}, 8), y = Tensor::zeros(Shape{8}, DType::i64);
  const auto outputs = [&](std::uint64_t step) {
    return evaluate(x, y, 5, step).outputs.to_vector<float>();
  };
  const auto first = outputs(0);
  EXPECT_NE(outputs(1), first);
  EXPECT_EQ(outputs(0), first);
}

// A model that decides by values.
class Switch : public Module {
 public:
  Switch() { weight_ = add_parameter("weight", Shape{6, 10}, DType::f32, init::constant(0.5)); }
  std::string describe() const override { return "Switch"; }

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override {
    return matmul(x, pass(weight_)) * (sum(x.detach()).item() > 0 ? 1.0 : 3.0);
  }
  Tensor weight_;
};

TEST(StepEvaluator, RunsModelsThatLookAtValues) {
  Switch model;
  model.initialize(1);
  StepEvaluator evaluate(model, model.parameters(), row_loss(Task::classification));
  const Tensor x = Tensor::ones(Shape{4, 6}), y = labels(4);
  EXPECT_EQ(evaluate(x, y, 0, 0).outputs.to_vector<float>()[0], 3.0f);
  EXPECT_EQ(evaluate(x * -1.0, y, 0, 0).outputs.to_vector<float>()[0], -9.0f);
}

TEST(StepEvaluator, SaysWhatDoesNotFit) {
  const auto model = build_model({"mlp:6-5-10", Shape{6}, 10});
  StepEvaluator evaluate(*model, model->parameters(), row_loss(Task::classification));
  EXPECT_THROW(evaluate(inputs(Shape{7}, 8), labels(8), 0, 0), Error);
  EXPECT_TRUE(evaluate(inputs(Shape{6}, 8), labels(8), 0, 0).loss.defined());
}

TEST(StepEvaluator, FrozenParametersMayChangeBetweenSteps) {
  const auto model = build_model({"mlp:6-5-10", Shape{6}, 10});
  model->initialize(1);
  NamedTensors all = model->parameters();
  const NamedTensor frozen = all.front();
  const NamedTensors wanted(all.begin() + 1, all.end());
  StepEvaluator evaluate(*model, wanted, row_loss(Task::classification));
  const Tensor x = inputs(Shape{6}, 8), y = labels(8);
  const auto before = evaluate(x, y, 0, 0);
  EXPECT_EQ(before.gradients.size(), wanted.size());
  const double loss = before.loss.item();
  frozen.tensor.assign(Tensor::zeros(frozen.tensor.shape()));
  EXPECT_NE(evaluate(x, y, 0, 0).loss.item(), loss);
}

}  // namespace
}  // namespace ingrad
