// SPDX-License-Identifier: Apache-2.0
// What a training run does: it learns, stops, keeps the best, and is the same for any thread count.
#include "models/training/trainer.h"

#include <gtest/gtest.h>

#include "engine/parallel.h"
#include "models/training/evaluate.h"
#include "tests/models/toy_training.h"

namespace ingrad {
namespace {

using testing::clouds;
using testing::toy_model;
using testing::toy_options;

std::vector<float> weights(const Module& model) {
  std::vector<float> all;
  for (const auto& t : model.state()) {
    const auto v = t.tensor.to_vector<float>();
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}

double accuracy(const Module& model, const BatchSource& data) {
  return evaluate(as_function(model), data).accuracy;
}

TEST(TrainingTest, LearnsAndReports) {
  const auto model = toy_model();
  const BatchSource data = clouds(20, 32), held_out = clouds(8, 32, 9);
  EXPECT_LT(accuracy(*model, held_out), 0.7);
  std::int64_t steps = 0, epochs = 0;
  TrainCallbacks calls;
  calls.step = [&](const StepReport& r) {
    EXPECT_EQ(r.step, ++steps);
    EXPECT_EQ(r.steps, 80);
    EXPECT_GT(r.samples_per_second, 0);
  };
  calls.epoch = [&](const EpochReport& r) { EXPECT_EQ(r.record.epoch, epochs++); };
  const TrainResult result = train(*model, data, &held_out, toy_options(), calls);
  EXPECT_EQ(steps, 80);
  EXPECT_EQ(epochs, 4);
  EXPECT_EQ(result.history.size(), 4u);
  EXPECT_GT(accuracy(*model, held_out), 0.9);
  // The weights that are left are those of the best epoch.
  ASSERT_GE(result.best_epoch, 0);
  EXPECT_DOUBLE_EQ(accuracy(*model, held_out), result.best_metric);
  EXPECT_DOUBLE_EQ(result.history[static_cast<std::size_t>(result.best_epoch)].validation.accuracy,
                   result.best_metric);
}

TEST(TrainingTest, RegressionFindsALinearMap) {
  const auto model = make_model({"mlp:2-1", {2}, 1}, 4);
  BatchSource data;
  data.batches = 10;
  data.samples = 200;
  data.batch = [](std::int64_t, std::int64_t index) {
    Batch b;
    b.inputs = random_normal({20, 2}, {7, 1, static_cast<std::uint64_t>(20 * index), 0});
    const auto x = b.inputs.to_vector<float>();
    std::vector<float> y;
    for (std::size_t r = 0; r < 20; ++r) y.push_back(2 * x[2 * r] - 3 * x[2 * r + 1] + 0.5f);
    b.targets = Tensor::from(y, {20, 1});
    return b;
  };
  TrainOptions o;
  o.task = Task::regression;
  o.epochs = 60;
  o.optimizer = "sgd:learning_rate=0.1";
  const TrainResult result = train(*model, data, nullptr, o);
  EXPECT_EQ(result.best_epoch, -1);
  EXPECT_LT(result.history.back().training.loss, 1e-8);
  const auto w = weights(*model);
  EXPECT_NEAR(w[0], 2, 1e-4);
  EXPECT_NEAR(w[1], -3, 1e-4);
  EXPECT_NEAR(w[2], 0.5, 1e-4);
}

TEST(TrainingTest, ThreadsDoNotChangeABit) {
  const BatchSource data = clouds(12, 64);
  std::vector<std::vector<float>> results;
  for (const int n : {1, 2, 3}) {
    set_threads(n);
    const auto model = toy_model();
    train(*model, data, nullptr, toy_options());
    results.push_back(weights(*model));
  }
  set_threads(0);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(TrainingTest, StopsEarlyAndKeepsTheBestEpoch) {
  const auto model = toy_model();
  const BatchSource data = clouds(4, 16), held_out = clouds(4, 16, 9);
  TrainOptions o;
  o.epochs = 50;
  o.optimizer = "sgd:learning_rate=0";  // nothing ever improves
  o.patience = 3;
  o.monitor = Monitor::loss;
  const TrainResult result = train(*model, data, &held_out, o);
  EXPECT_TRUE(result.stopped_early);
  EXPECT_LE(result.history.size(), 50u);
  EXPECT_GE(result.history.size(), 4u);
  for (const EpochRecord& r : result.history) {
    EXPECT_GE(r.validation.loss, result.best_metric);
  }
}

TEST(TrainingTest, ScheduleAndPlateauSetTheRate) {
  const auto model = toy_model();
  const BatchSource data = clouds(5, 16);
  TrainOptions o;
  o.epochs = 4;
  o.optimizer = "sgd:learning_rate=0.1";
  o.schedule = "step:size=2,gamma=0.5";  // counts epochs
  const TrainResult result = train(*model, data, nullptr, o);
  EXPECT_DOUBLE_EQ(result.history[1].rate, 0.1);
  EXPECT_DOUBLE_EQ(result.history[2].rate, 0.05);
  o.schedule = "plateau:patience=0,factor=0.1,threshold=1e9";
  const TrainResult falling = train(*toy_model(), data, nullptr, o);
  EXPECT_LT(falling.history.back().rate, 0.1);
}

TEST(TrainingTest, AnInterruptedRunSaysSo) {
  const auto model = toy_model();
  TrainOptions o = toy_options();
  TrainCallbacks calls;
  int asked = 0;
  calls.should_stop = [&] { return ++asked > 5; };
  const TrainResult result = train(*model, clouds(10, 16), nullptr, o, calls);
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.steps, 5);
}

TEST(TrainingTest, RefusesWhatCannotBe) {
  const auto model = toy_model();
  const BatchSource data = clouds(2, 8);
  const auto fails = [&](const TrainOptions& o, std::string_view with) {
    try {
      train(*model, data, nullptr, o);
      ADD_FAILURE() << "accepted: " << with;
    } catch (const Error& e) {
      EXPECT_NE(e.message().find(with), std::string::npos) << e.message();
    }
  };
  TrainOptions o;
  o.patience = 2;
  fails(o, "early stopping needs validation data");
  o = {};
  o.optimizer = "sgdd";
  fails(o, "sgdd");
  o = {};
  o.schedule = "cosin";
  fails(o, "cosin");
  o = {};
  o.label_smoothing = 1;
  fails(o, "label_smoothing");
  o = {};
  o.clip_norm = -1;
  fails(o, "clip_norm");
  o = {};
  o.optimizer = "sgd:learning_rate=1e30";
  o.epochs = 3;
  fails(o, "the loss is");
  EXPECT_THROW(train(*model, BatchSource{}, nullptr, {}), Error);
}

}  // namespace
}  // namespace ingrad
