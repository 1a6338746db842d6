// SPDX-License-Identifier: Apache-2.0
// Plans of gradients of whole models: the same bits as eager for any number of rows and threads, no
// allocation in replay, and what is refused.
#include "engine/plan/plan.h"

#include <gmock/gmock.h>

#include <thread>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/matmul.h"
#include "engine/ops/random.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/parallel.h"
#include "engine/random.h"
#include "models/catalog.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

Tensor values(const Shape& shape, std::uint64_t seed) {
  return random_normal(shape, {.seed = seed});
}

Tensor classes(std::int64_t rows) {
  std::vector<std::int64_t> c;
  for (std::int64_t i = 0; i < rows; ++i) c.push_back(i * 7 % 10);
  return Tensor::from(c, Shape{rows, 1});
}

struct Net {
  explicit Net(const std::string& name, Shape sample)
      : spec{name, std::move(sample), 10}, module(make_model(spec, 5)) {}

  // Logits and the gradient of one logit per row: inputs (x, its number [N, 1]).
  GraphFn gradient() const {
    return [this](std::span<const Tensor> in) {
      const Tensor x = in[0].track(), z = (*module)(x);
      const Tensor total = sum(gather(z, 1, in[1]));
      const Tensor seed = Tensor::scalar(1);
      return std::vector{z.detach(), gradients({&total, 1}, {&seed, 1}, {&x, 1})[0]};
    };
  }
  std::vector<TensorSpec> specs(std::int64_t rows) const {
    return {{spec.input.with_inserted(0, rows), DType::f32, {}}, {Shape{rows, 1}, DType::i64, {}}};
  }
  std::vector<Tensor> inputs(std::int64_t rows) const {
    return {values(spec.input.with_inserted(0, rows), 3), classes(rows)};
  }

  ModelSpec spec;
  std::unique_ptr<Module> module;
};

class PlannedNet : public ::testing::TestWithParam<std::pair<const char*, Shape>> {};

// The passes that round differently.
const std::vector<std::string> kInexact = {"fold_batch_norm", "winograd"};

TEST_P(PlannedNet, SameBitsForAnyRowsAndThreads) {
  const Net net(GetParam().first, GetParam().second);
  const auto plan = compile(net.gradient(), net.specs(40),
                            {.tile_rows = 16, .without = kInexact, .poison = true});
  EXPECT_EQ(plan->tile_rows(), 16);
  for (const std::int64_t rows : {1, 2, 7, 24, 40}) {
    const auto inputs = net.inputs(rows);
    const auto expected = net.gradient()(inputs);
    for (const int threads : {1, 2, 3}) {
      Workspace workspace(plan, threads);
      const std::string what =
          std::to_string(rows) + " rows, " + std::to_string(threads) + " threads";
      expect_same_bits(workspace.run(inputs), expected, what);
      expect_same_bits(workspace.run(inputs), expected, what + " again");
    }
  }
}

TEST_P(PlannedNet, EveryPassKeepsTheResult) {
  const Net net(GetParam().first, GetParam().second);
  const auto inputs = net.inputs(25);
  const auto expected = net.gradient()(inputs);
  std::vector<std::vector<std::string>> choices = {{}};
  std::vector<std::string> all;
  for (const std::string_view pass : pass_names()) {
    choices.push_back({std::string(pass)});
    all.emplace_back(pass);
  }
  choices.push_back(all);
  for (const auto& without : choices) {
    const auto plan = compile(net.gradient(), net.specs(32), {.without = without, .poison = true});
    Workspace one(plan, 1), two(plan, 2);
    const auto got = one.run(inputs);
    expect_same_bits(two.run(inputs), got, "threads");
    std::string what = "without";
    for (const std::string& pass : without) what += " " + pass;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const bool direct = std::find(without.begin(), without.end(), "winograd") != without.end();
      EXPECT_LE(worst_error(got[i], expected[i]), direct ? 2e-6 : 1e-5) << what;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Nets, PlannedNet,
    ::testing::Values(std::pair{"mlp:17-33-10", Shape{17}}, std::pair{"lenet5", Shape{1, 28, 28}},
                      std::pair{"cnn3", Shape{3, 16, 16}},
                      std::pair{"resnet18:stem=cifar,width=8", Shape{3, 16, 16}}),
    [](const auto& p) {
      return test_name({p.param.first, p.index});
    });

TEST(Plan, ReplayAllocatesNothing) {
  const Net net("lenet5", Shape{1, 28, 28});
  const auto plan = compile(net.gradient(), net.specs(32));
  Workspace workspace(plan, 2);
  const auto inputs = net.inputs(32);
  const auto results = workspace.run(inputs);
  const std::vector<const void*> given = {inputs[0].raw(), inputs[1].raw()};
  const std::vector<void*> wanted = {results[0].mutable_raw(), results[1].mutable_raw()};
  const std::int64_t before = memory_stats().allocations;
  for (int i = 0; i < 5; ++i) workspace.run(given, wanted, 32);
  for (const std::int64_t rows : {1, 3, 16}) workspace.run(given, wanted, rows);
  EXPECT_EQ(memory_stats().allocations, before);
}

TEST(Plan, ThreadsMayRunWorkspacesOfOnePlanAtOnce) {
  const Net net("mlp:17-33-10", Shape{17});
  const auto plan = compile(net.gradient(), net.specs(20));
  const auto inputs = net.inputs(20);
  const auto expected = net.gradient()(inputs);
  std::vector<std::thread> callers;
  for (int t = 0; t < 3; ++t) {
    callers.emplace_back([&] {
      Workspace workspace(plan, 2);
      for (int i = 0; i < 20; ++i) expect_same_bits(workspace.run(inputs), expected, "a caller");
    });
  }
  for (std::thread& c : callers) c.join();
}

TEST(Plan, CapShrinksTilesAndChangesNothing) {
  const Net net("lenet5", Shape{1, 28, 28});
  const auto free = compile(net.gradient(), net.specs(32));
  const auto one = compile(net.gradient(), net.specs(32), {.tile_rows = 1});
  const auto capped =
      compile(net.gradient(), net.specs(32), {.memory_bytes = one->memory_bytes() * 5 / 4});
  EXPECT_LT(capped->tile_rows(), free->tile_rows());
  EXPECT_LE(capped->memory_bytes(), one->memory_bytes() * 5 / 4);
  Workspace a(free, 1), b(capped, 1);
  EXPECT_LE(b.memory_bytes(), one->memory_bytes() * 5 / 4);
  const auto inputs = net.inputs(32);
  expect_same_bits(a.run(inputs), b.run(inputs), "capped");
  EXPECT_THROW(compile(net.gradient(), net.specs(32), {.memory_bytes = 1000}), Error);
}

TEST(Plan, CountsOperationsWhateverTheLayout) {
  const Net net("lenet5", Shape{1, 28, 28});
  const auto lanes = compile(net.gradient(), net.specs(16));
  const auto planes = compile(net.gradient(), net.specs(16), {.without = {"lanes"}});
  EXPECT_NE(lanes->kernels().find("lanes_conv"), std::string::npos);
  EXPECT_EQ(planes->kernels().find("lanes_conv"), std::string::npos);
  EXPECT_GT(lanes->flops(), 1e6);
  EXPECT_DOUBLE_EQ(lanes->flops(), planes->flops());
}

// An input gradient needs one bit of each hidden unit: a hidden layer more costs that many bytes, a
// few to spare, and no array of floats.
TEST(Plan, ReluKeepsOneBitPerUnit) {
  constexpr std::int64_t kWidth = 256, kRows = 16;
  const auto memory = [&](int layers) {
    std::string name = "mlp:64-";
    for (int i = 0; i < layers; ++i) name += std::to_string(kWidth) + "-";
    const Net net(name + "10", Shape{64});
    const auto plan = compile(net.gradient(), net.specs(kRows), {.tile_rows = kRows});
    EXPECT_EQ(Workspace(plan, 1).memory_bytes(), plan->memory_bytes());
    return plan->memory_bytes();
  };
  for (const int layers : {3, 6, 11}) {
    const std::int64_t more = memory(layers + 1) - memory(layers);
    EXPECT_GE(more, kRows * kWidth / 8) << layers;
    EXPECT_LE(more, kRows * kWidth / 8 + 2 * kBufferAlign) << layers;
  }
}

// ---- programs without rows ----------------------------------------------------------------------
TEST(Plan, TrainingStepAndHessianVectorProduct) {
  const GraphFn step = [](std::span<const Tensor> in) {
    const ScalarFn loss = [&](std::span<const Tensor> w) {
      return mean(square(linear(tanh(linear(in[0], w[0])), w[1]) - in[1]));
    };
    const std::vector<Tensor> w = {in[2], in[3]};
    const auto r = value_and_grad(loss, w);
    const auto h = hvp(loss, w, r.grads);
    return std::vector{r.value, w[0] - 0.1 * r.grads[0], w[1] - 0.1 * r.grads[1], h[0], h[1]};
  };
  const std::vector<Tensor> inputs = {values({9, 4}, 1), values({9, 2}, 2), values({5, 4}, 3),
                                      values({2, 5}, 4)};
  std::vector<TensorSpec> specs;
  for (const Tensor& t : inputs) specs.push_back(t.spec());
  Workspace workspace(compile(step, specs, {.rows = false, .poison = true}));
  expect_same_bits(workspace.run(inputs), step(inputs), "step");
}

// ---- what is refused ----------------------------------------------------------------------------
std::string refusal(const GraphFn& f, std::vector<TensorSpec> specs, const PlanOptions& o = {}) {
  try {
    compile(f, specs, o);
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}
const TensorSpec kRows = {Shape{6, 4}, DType::f32, {}};

TEST(Plan, RefusesFunctionsThatMixRows) {
  using In = std::span<const Tensor>;
  const auto message = [](const GraphFn& f) { return refusal(f, {kRows}); };
  EXPECT_THAT(message([](In x) { return std::vector{x[0] - mean(x[0], {0}, true)}; }),
              testing::HasSubstr("mean"));
  EXPECT_THAT(message([](In x) { return std::vector{flip(x[0], {0})}; }),
              testing::HasSubstr("flip"));
  EXPECT_THAT(message([](In x) { return std::vector{matmul(x[0], transpose(x[0], 0, 1))}; }),
              testing::HasSubstr("permute"));
  EXPECT_THAT(message([](In x) { return std::vector{linear(x[0], x[0])}; }),
              testing::HasSubstr("linear"));
  EXPECT_THAT(message([](In x) { return std::vector{reshape(x[0], {-1})}; }),
              testing::HasSubstr("several"));
  EXPECT_THAT(message([](In x) { return std::vector{reshape(x[0], {2, -1, 2})}; }),
              testing::HasSubstr("reshape"));
  EXPECT_THAT(message([](In x) { return std::vector{sum(x[0])}; }), testing::HasSubstr("sum"));
  // A mean over rows divides every row's gradient by their number.
  EXPECT_THAT(message([](In x) {
                return std::vector{grad([](const Tensor& t) { return mean(square(t)); }, x[0])};
              }),
              testing::HasSubstr("number of rows"));
  // A row's mask depends on its number, which a tile does not know.
  EXPECT_THAT(message([](In x) { return std::vector{dropout(x[0], 0.5, {.seed = 1})}; }),
              testing::HasSubstr("dropout"));
  // A constant with a row for each.
  EXPECT_NE(message([](In x) { return std::vector{x[0] + values({x[0].dim(0), 4}, 1)}; }), "");
  EXPECT_THAT(message([](In x) { return std::vector{x[0].dim(0) > 2 ? exp(x[0]) : sin(x[0])}; }),
              testing::HasSubstr("other ops"));
  EXPECT_THAT(message([](In x) {  // blocks of rows, mixed
                return std::vector{reshape(flip(reshape(x[0], {-1, 2}), {0}), {-1, 4})};
              }),
              testing::HasSubstr("flip"));
  // These keep them apart.
  EXPECT_EQ(message([](In x) {
              const Tensor twice = reshape(x[0], {2 * x[0].dim(0), 2});  // two rows for each
              return std::vector{reshape(linear(twice, values({3, 2}, 1)), {-1, 6})};
            }),
            "");
  EXPECT_EQ(message([](In x) { return std::vector{x[0] * Tensor::ones({x[0].dim(0), 4})}; }), "");
  EXPECT_EQ(message([](In x) {
              return std::vector{grad([](const Tensor& t) { return sum(square(t)); }, x[0])};
            }),
            "");
}

TEST(Plan, RefusesWhatItCannotPlan) {
  using In = std::span<const Tensor>;
  const GraphFn twice = [](In x) { return std::vector{2.0 * x[0]}; };
  EXPECT_THAT(refusal([](In x) { return std::vector{2.0 * x[0]}; }, {}),
              testing::HasSubstr("rows"));
  EXPECT_THAT(refusal(twice, {kRows, {Shape{7, 4}, DType::f32, {}}}), testing::HasSubstr("[7, 4]"));
  EXPECT_THAT(refusal(twice, {kRows}, {.tile_rows = 3}), testing::HasSubstr("tile_rows"));
  EXPECT_THAT(refusal(twice, {kRows}, {.without = {"speed"}}), testing::HasSubstr("speed"));
  EXPECT_NE(refusal([](In x) { return std::vector{x[0] * x[0].item()}; }, {kRows}), "");
}

TEST(Plan, RunRefusesBadBuffers) {
  const auto plan = compile(
      [](std::span<const Tensor> x) {
        return std::vector{2.0 * x[0], x[0] + 1.0};
      },
      {{kRows}});
  Workspace w(plan);
  std::vector<float> x(24), y(48);
  const void* in[] = {x.data()};
  void* out[] = {y.data(), y.data() + 24};
  EXPECT_NO_THROW(w.run(in, out, 6));
  EXPECT_THROW(w.run(in, out, 7), Error);
  EXPECT_THROW(w.run(in, out, -1), Error);
  EXPECT_THROW(w.run(in, std::span<void* const>(out, 1), 6), Error);
  void* same[] = {y.data(), y.data() + 4};
  EXPECT_THROW(w.run(in, same, 6), Error);
  void* onto[] = {x.data() + 8, y.data()};
  EXPECT_THROW(w.run(in, onto, 6), Error);
  EXPECT_NO_THROW(w.run(in, onto, 2));
  const std::vector<Tensor> wrong = {values({6, 5}, 1)};
  EXPECT_THROW(w.run(wrong), Error);
  // Views are made dense first.
  const std::vector<Tensor> view = {transpose(values({4, 6}, 1), 0, 1)};
  expect_same_bits(w.run(view), {2.0 * view[0], view[0] + 1.0}, "view");
}

TEST(Plan, IndicesAreCheckedInEveryRun) {
  const GraphFn pick = [](std::span<const Tensor> in) {
    return std::vector{gather(in[0], 1, in[1])};
  };
  Workspace w(compile(pick, {{kRows, {Shape{6, 1}, DType::i64, {}}}}));
  const Tensor x = values({3, 4}, 1);
  const std::vector<Tensor> good = {x, Tensor::from<std::int64_t>({0, 3, 1}, {3, 1})};
  expect_same_bits(w.run(good), pick(good), "gather");
  const std::vector<Tensor> bad = {x, Tensor::from<std::int64_t>({0, 4, 1}, {3, 1})};
  EXPECT_THROW(w.run(bad), Error);
  expect_same_bits(w.run(good), pick(good), "after a failure");
}

}  // namespace
}  // namespace ingrad
