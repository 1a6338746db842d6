// SPDX-License-Identifier: Apache-2.0
#include "models/training/step_gradients.h"

#include <algorithm>

#include "engine/differentiate.h"
#include "engine/ops/reduce.h"

namespace ingrad {

void StepGradients::apply_updates(Location where) const {
  for (const auto& [buffer, value] : updates) buffer.assign(value, where);
}

// A plan, and where its inputs and results lie. Inputs: the batch, its targets, parameters, others.
// Outputs: outputs, losses, loss, the gradients that exist, updates.
struct StepEvaluator::Planned {
  TensorSpec inputs, targets;
  std::vector<bool> has_gradient;
  std::vector<Tensor> buffers;  // that are updated
  std::unique_ptr<Workspace> workspace;
  std::vector<Tensor> results;
};

StepEvaluator::StepEvaluator(const Module& model, NamedTensors parameters, RowLoss loss,
                             Execution execution)
    : model_(model),
      parameters_(std::move(parameters)),
      loss_(std::move(loss)),
      execution_(execution) {
  const auto wanted = [&](const Tensor& t) {
    return std::any_of(parameters_.begin(), parameters_.end(),
                       [&](const NamedTensor& p) { return p.tensor.same_as(t); });
  };
  for (const NamedTensor& p : model.parameters()) {
    if (!wanted(p.tensor)) others_.push_back(p);
  }
  for (const NamedTensor& b : model.buffers()) others_.push_back(b);
}

StepGradients StepEvaluator::compute(const Tensor& inputs, const Tensor& targets,
                                     std::span<const Tensor> leaves, Pass& pass,
                                     Location where) const {
  pass.substitute(parameters_, leaves, where);
  StepGradients r;
  r.outputs = model_.run(inputs, pass);
  r.losses = loss_(r.outputs, targets);
  r.loss = mean(r.losses);
  r.gradients = gradients(std::vector<Tensor>{r.loss},
                          std::vector<Tensor>{Tensor::ones({}, r.loss.dtype())}, leaves, {}, where);
  r.updates = pass.updates();
  return r;
}

std::shared_ptr<StepEvaluator::Planned> StepEvaluator::make_plan(const Tensor& inputs,
                                                                 const Tensor& targets,
                                                                 Location where) const {
  auto made = std::make_shared<Planned>();
  made->inputs = inputs.spec();
  made->targets = targets.spec();
  bool drew = false;
  const GraphFn step = [&](std::span<const Tensor> in) {
    Pass pass(Mode::train);
    std::vector<Tensor> leaves;
    for (const Tensor& t : in.subspan(2, parameters_.size())) leaves.push_back(t.track());
    pass.substitute(others_, in.subspan(2 + parameters_.size()), where);
    const StepGradients r = compute(in[0], in[1], leaves, pass, where);
    drew = pass.drew();
    std::vector<Tensor> out = {r.outputs.detach(), r.losses.detach(), r.loss.detach()};
    for (const Tensor& g : r.gradients) {
      made->has_gradient.push_back(g.defined());
      if (g.defined()) out.push_back(g);
    }
    for (const auto& [buffer, value] : r.updates) {
      made->buffers.push_back(buffer);
      out.push_back(value.detach());
    }
    return out;
  };
  std::vector<TensorSpec> specs = {made->inputs, made->targets};
  for (const NamedTensors* list : {&parameters_, &others_}) {
    for (const NamedTensor& t : *list) specs.push_back(t.tensor.spec());
  }
  PlanOptions options{.rows = false};
  if (execution_ == Execution::exact_plan) options.without = {"fold_batch_norm", "winograd"};
  std::shared_ptr<const Plan> plan;
  try {
    plan = compile(step, specs, options, where);
  } catch (const Error&) {
    return nullptr;  // it looks at values; or the batch does not fit, which the ops will say
  }
  if (drew) return nullptr;
  made->workspace = std::make_unique<Workspace>(plan);
  for (const TensorSpec& s : plan->outputs()) {
    made->results.push_back(Tensor::empty(s.shape, s.dtype, where));
  }
  return made;
}

StepEvaluator::Planned* StepEvaluator::planned(const Tensor& inputs, const Tensor& targets,
                                               Location where) {
  if (execution_ == Execution::op_by_op || !inputs.is_contiguous() || !targets.is_contiguous())
    return nullptr;
  for (const auto& p : plans_) {
    if (p->inputs == inputs.spec() && p->targets == targets.spec()) return p.get();
  }
  if (plans_.size() == kMostPlans) return nullptr;
  auto made = make_plan(inputs, targets, where);
  if (!made) {
    execution_ = Execution::op_by_op;
    return nullptr;
  }
  plans_.push_back(std::move(made));
  return plans_.back().get();
}

StepGradients StepEvaluator::operator()(const Tensor& inputs, const Tensor& targets,
                                        std::uint64_t seed, std::uint64_t step, Location where) {
  Planned* const plan = planned(inputs, targets, where);
  if (plan == nullptr) {
    Pass pass(Mode::train, seed, step);
    std::vector<Tensor> leaves;
    for (const NamedTensor& p : parameters_) leaves.push_back(p.tensor.track());
    StepGradients r = compute(inputs, targets, leaves, pass, where);
    r.loss = r.loss.detach();
    return r;
  }
  std::vector<const void*> given = {inputs.values(where), targets.values(where)};
  for (const NamedTensors* list : {&parameters_, &others_}) {
    for (const NamedTensor& t : *list) given.push_back(t.tensor.values(where));
  }
  std::vector<void*> wanted;
  for (const Tensor& t : plan->results) wanted.push_back(t.mutable_raw());
  plan->workspace->run(given, wanted, 1, where);
  std::size_t next = 3;
  StepGradients r{plan->results[0], plan->results[1], plan->results[2], {}, {}};
  for (const bool has : plan->has_gradient) {
    r.gradients.push_back(has ? plan->results[next++] : Tensor());
  }
  for (const Tensor& buffer : plan->buffers) r.updates.push_back({buffer, plan->results[next++]});
  return r;
}

}  // namespace ingrad
