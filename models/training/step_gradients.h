// SPDX-License-Identifier: Apache-2.0
// What one step of training asks of a model: outputs, losses, gradients of the parameters and new
// values of the buffers, for one batch in training mode.
#pragma once

#include <memory>
#include <vector>

#include "engine/plan/plan.h"
#include "models/module.h"
#include "models/training/adversarial.h"
#include "models/training/execution.h"

namespace ingrad {

struct StepGradients {
  Tensor outputs;
  Tensor losses;                      // of each row
  Tensor loss;                        // their mean
  std::vector<Tensor> gradients;      // of the mean, one per parameter; undefined where unused
  std::vector<Pass::Update> updates;  // of buffers

  void apply_updates(Location where = Location::current()) const;
};

// By plans, one per shape of batch, in which parameters and buffers are inputs; always op by op for
// models that look at values, and for those that draw random numbers, since a plan would draw the
// same ones in every step.
class StepEvaluator {
 public:
  // `parameters` are those whose gradients are wanted. The model must outlive it.
  StepEvaluator(const Module& model, NamedTensors parameters, RowLoss loss,
                Execution execution = Execution::plan);

  // `seed` and `step` are those of Pass. Planned results lie in memory that the next call reuses.
  StepGradients operator()(const Tensor& inputs, const Tensor& targets, std::uint64_t seed,
                           std::uint64_t step, Location where = Location::current());

 private:
  struct Planned;
  // Plans beyond these shapes are not worth their memory: such batches run op by op.
  static constexpr std::size_t kMostPlans = 4;

  StepGradients compute(const Tensor& inputs, const Tensor& targets, std::span<const Tensor> leaves,
                        Pass& pass, Location where) const;
  std::shared_ptr<Planned> make_plan(const Tensor& inputs, const Tensor& targets,
                                     Location where) const;
  Planned* planned(const Tensor& inputs, const Tensor& targets, Location where);

  const Module& model_;
  NamedTensors parameters_;  // with gradients
  NamedTensors others_;      // the model's other parameters, and its buffers
  RowLoss loss_;
  Execution execution_;
  std::vector<std::shared_ptr<Planned>> plans_;
};

}  // namespace ingrad
