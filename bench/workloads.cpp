// SPDX-License-Identifier: Apache-2.0
// The workloads that bench/compare.sh runs side by side with other libraries:
//   gemm/N                       C = A B, all N x N
//   input_gradient/MODEL/BATCH   gradient of the sum of one logit per row, as explainers take it
//   planned_input_gradient/...   the same by a plan, whose building is not timed
//   integrated_gradients/MODEL/BATCH, planned_...
//                                of 50 nodes
//   train_step/MODEL/BATCH, planned_...
//                                cross entropy, gradients of all parameters, one step of SGD
#include <fmt/format.h>

#include "attribution/explain.h"
#include "bench/rows.h"
#include "bench/workload.h"
#include "engine/differentiate.h"
#include "engine/ops/index.h"
#include "engine/ops/losses.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/optim/optimizers.h"
#include "engine/plan/cost.h"
#include "engine/plan/plan.h"
#include "models/catalog.h"
#include "models/training/objective.h"
#include "models/training/step_gradients.h"

namespace ingrad::bench {
namespace {

struct Model {
  std::string name;
  ModelSpec spec;
  std::vector<std::int64_t> batches;  // of input gradients
  std::int64_t paths = 0;             // samples of a row of Integrated Gradients; 0: none
  std::int64_t training = 0;          // batch of a training step; 0: none
  ModelSpec language = {};            // what is trained instead, to predict tokens
};
const std::vector<Model>& models() {
  static const std::vector<Model> all = {
      {"mlp_784", {"mlp:784-512-512-10", {784}, 10}, {1, 16, 256, 1024}, 16, 64},
      {"mlp_64", {"mlp:64-64-64-10", {64}, 10}, {1, 16, 256, 1024}},
      {"lenet5", {"lenet5", {1, 28, 28}, 10}, {1, 16, 256}, 16, 64},
      {"cnn3", {"cnn3", {3, 32, 32}, 10}, {1, 16, 256}, 16, 64},
      {"resnet18", {"resnet18:stem=cifar", {3, 32, 32}, 10}, {1, 16, 64}, 4, 64},
      {"resnet18_224", {"resnet18", {3, 224, 224}, 1000}, {1, 4}},
      {"vit", {"vit", {3, 32, 32}, 10}, {1, 16, 64}},
      // With respect to embeddings; trained on tokens, by the logits of all positions.
      {"gpt", {"gpt", {128, 128}, 65}, {1, 16}, 0, 16, {"gpt:logits=all", {128}, 65}},
  };
  return all;
}

std::unique_ptr<Module> build(const ModelSpec& spec) {
  auto built = build_model(spec);
  for (const NamedTensor& p : built->state()) {
    p.tensor.assign(by_formula(p.name, p.tensor.shape()));
  }
  return built;
}

Tensor inputs_of(const Model& model, std::int64_t batch) {
  std::vector<std::int64_t> extents = {batch};
  extents.insert(extents.end(), model.spec.input.begin(), model.spec.input.end());
  return by_formula("input", Shape(extents));
}

// 0, 1, ... 9, 0, 1, ...
Tensor classes(std::int64_t batch) {
  std::vector<std::int64_t> c;
  for (std::int64_t i = 0; i < batch; ++i) c.push_back(i % 10);
  return Tensor::from<std::int64_t>(c, Shape{batch});
}

// By formula, below `count`.
Tensor numbers(std::string_view name, const Shape& shape, std::int64_t count) {
  std::vector<std::int64_t> n;
  for (const double v : by_formula(name, shape).to_vector<double>()) {
    n.push_back(static_cast<std::int64_t>((v + 1) / 2 * static_cast<double>(count)));
  }
  return Tensor::from<std::int64_t>(n, shape);
}

// What is trained on what. Logits [N, K] with labels [N], or [N, L, K] with [N, L].
struct Training {
  std::unique_ptr<Module> network;
  Tensor x, labels;
};
Training training_of(const Model& model, std::int64_t batch) {
  if (model.language.text.empty()) {
    return {build(model.spec), inputs_of(model, batch), classes(batch)};
  }
  const ModelSpec& spec = model.language;
  const Shape shape = spec.input.with_inserted(0, batch);
  return {build(spec), numbers("tokens", shape, spec.outputs),
          numbers("next", shape, spec.outputs)};
}

Tensor loss_of(const Tensor& logits, const Tensor& labels, LossReduction reduction) {
  ClassLossOptions options;
  options.reduction = reduction;
  return cross_entropy(reshape(logits, {-1, logits.dim(-1)}), reshape(labels, {-1}), options);
}
Tensor loss_of_rows(const Tensor& logits, const Tensor& labels) {
  const Tensor each = loss_of(logits, labels, LossReduction::none);
  return labels.rank() == 1 ? each : mean(reshape(each, labels.shape()), {1});
}

void gemm(benchmark::State& state, std::int64_t n) {
  const Tensor a = by_formula("a", Shape{n, n}), b = by_formula("b", Shape{n, n});
  fingerprint(state, matmul(a, b));
  run(state, 2.0 * static_cast<double>(n * n * n), [&] { return matmul(a, b); });
}

// Of the gradient with respect to x of the logit of one class per row.
double gradient_flops(const Module& network, const Tensor& x, const Tensor& targets) {
  const Tensor column = reshape(targets, Shape{x.dim(0), 1});
  const TensorSpec spec = x.spec();
  const GraphFn f = [&](std::span<const Tensor> in) {
    return std::vector{
        grad([&](const Tensor& rows) { return sum(gather(network(rows), 1, column)); }, in[0])};
  };
  return product_flops(trace(f, {&spec, 1})->program());
}

void input_gradient(benchmark::State& state, const Model& model, std::int64_t batch) {
  const auto network = build(model.spec);
  const Tensor x = inputs_of(model, batch);
  const Tensor targets = reshape(classes(batch), Shape{batch, 1});
  const auto logit = [&](const Tensor& rows) { return sum(gather((*network)(rows), 1, targets)); };
  const auto step = [&] { return grad(logit, x); };
  fingerprint(state, step());
  run(state, gradient_flops(*network, x, targets), step);
}

void planned_input_gradient(benchmark::State& state, const Model& model, std::int64_t batch) {
  const auto network = build(model.spec);
  const std::vector<Tensor> inputs = {inputs_of(model, batch),
                                      reshape(classes(batch), Shape{batch, 1})};
  const std::vector<TensorSpec> specs = {inputs[0].spec(), inputs[1].spec()};
  const auto plan = compile(
      [&](std::span<const Tensor> in) {
        return std::vector{
            grad([&](const Tensor& x) { return sum(gather((*network)(x), 1, in[1])); }, in[0])};
      },
      specs);
  Workspace workspace(plan);
  const Tensor gradient = Tensor::empty(inputs[0].shape());
  const void* const given[] = {inputs[0].raw(), inputs[1].raw()};
  void* const wanted[] = {gradient.mutable_raw()};
  workspace.run(given, wanted, batch);
  fingerprint(state, gradient);
  run(state, plan->traced_flops() * static_cast<double>(batch), [&] {
    workspace.run(given, wanted, batch);
    return wanted[0];
  });
}

double train_flops(const Training& training) {
  const NamedTensors parameters = training.network->parameters();
  std::vector<TensorSpec> specs;
  for (const NamedTensor& p : parameters) specs.push_back(p.tensor.spec());
  const ScalarFn loss = [&](std::span<const Tensor> values) {
    Pass pass(Mode::train);
    pass.substitute(parameters, values);
    return loss_of(training.network->run(training.x, pass), training.labels, LossReduction::mean);
  };
  return product_flops(
      trace([&](std::span<const Tensor> in) { return grad(loss, in); }, specs)->program());
}

void train_step(benchmark::State& state, const Model& model, std::int64_t batch) {
  const Training training = training_of(model, batch);
  const NamedTensors parameters = training.network->parameters();
  const ParameterGroup group{parameters};
  Sgd optimizer({&group, 1}, {.learning_rate = 0.01});

  std::unique_ptr<Pass> pass;
  const ScalarFn loss = [&](std::span<const Tensor> values) {
    pass = std::make_unique<Pass>(Mode::train);
    pass->substitute(parameters, values);
    return loss_of(training.network->run(training.x, *pass), training.labels, LossReduction::mean);
  };
  const auto step = [&] {
    std::vector<Tensor> values;
    for (const NamedTensor& p : parameters) values.push_back(p.tensor);
    const ValueAndGrads result = value_and_grad(loss, values);
    pass->apply_updates();
    optimizer.step(result.grads);
    return result.value;
  };

  std::vector<double> losses;
  for (int i = 0; i < 4; ++i) losses.push_back(step().item());
  state.counters["loss"] = losses.front();
  state.counters["loss_after"] = losses.back();
  run(state, train_flops(training), step);
}

void planned_train_step(benchmark::State& state, const Model& model, std::int64_t batch) {
  const Training training = training_of(model, batch);
  const NamedTensors parameters = training.network->parameters();
  const ParameterGroup group{parameters};
  Sgd optimizer({&group, 1}, {.learning_rate = 0.01});
  StepEvaluator evaluate(
      *training.network, parameters,
      model.language.text.empty() ? row_loss(Task::classification) : RowLoss(loss_of_rows));
  const auto step = [&] {
    const StepGradients found = evaluate(training.x, training.labels, 0, 0);
    found.apply_updates();
    optimizer.step(found.gradients);
    return found.loss;
  };
  std::vector<double> losses;
  for (int i = 0; i < 4; ++i) losses.push_back(step().item());
  state.counters["loss"] = losses.front();
  state.counters["loss_after"] = losses.back();
  run(state, train_flops(training), step);
}

// 50 nodes of the midpoint rule from a black baseline, with f at both ends.
void integrated_gradients(benchmark::State& state, const Model& model, bool planned) {
  const auto network = build(model.spec);
  const Tensor x = inputs_of(model, model.paths);
  ExplainOptions options;
  options.target = Target::per_sample(classes(model.paths).to_vector<std::int64_t>());
  options.pool.planned = planned;
  options.pool.plans = std::make_shared<PoolPlans>();
  const IntegratedGradientsOptions method{.rule = QuadratureRule::midpoint};
  const auto step = [&] {
    return explain_integrated_gradients(as_function(*network), x, method, options).values;
  };
  const auto nodes = static_cast<double>(method.steps);
  fingerprint(state, step());
  run(state, nodes * gradient_flops(*network, x, classes(model.paths)), step);
}

template <class Row>
void add(const std::string& name, Row row) {
  benchmark::RegisterBenchmark(name.c_str(), row)->UseRealTime()->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_workloads() {
  for (const std::int64_t n : {256, 512, 1024, 2048}) {
    add(fmt::format("gemm/{}", n), [n](benchmark::State& s) { gemm(s, n); });
  }
  for (const Model& model : models()) {
    for (const std::int64_t batch : model.batches) {
      add(fmt::format("input_gradient/{}/{}", model.name, batch),
          [&model, batch](benchmark::State& s) { input_gradient(s, model, batch); });
      add(fmt::format("planned_input_gradient/{}/{}", model.name, batch),
          [&model, batch](benchmark::State& s) { planned_input_gradient(s, model, batch); });
    }
    if (model.paths > 0) {
      add(fmt::format("integrated_gradients/{}/{}", model.name, model.paths),
          [&model](benchmark::State& s) { integrated_gradients(s, model, false); });
      add(fmt::format("planned_integrated_gradients/{}/{}", model.name, model.paths),
          [&model](benchmark::State& s) { integrated_gradients(s, model, true); });
    }
    if (model.training > 0) {
      add(fmt::format("train_step/{}/{}", model.name, model.training),
          [&model](benchmark::State& s) { train_step(s, model, model.training); });
      add(fmt::format("planned_train_step/{}/{}", model.name, model.training),
          [&model](benchmark::State& s) { planned_train_step(s, model, model.training); });
    }
  }
}

}  // namespace ingrad::bench
