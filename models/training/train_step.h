// SPDX-License-Identifier: Apache-2.0
// One step of training: from a batch to changed weights.
#pragma once

#include "models/training/step_gradients.h"
#include "models/training/train_state.h"

namespace ingrad {

struct StepOutcome {
  double loss = 0;
  double rate = 0;
  double gradient_norm = 0;  // NaN unless clipped by norm
};

class TrainStep {
 public:
  // Both must outlive it. Error: options out of range.
  TrainStep(TrainState& state, const TrainOptions& options, Location where);

  // Takes the step and counts it and its batch. Error: a batch that does not fit the model, a loss
  // that is not finite (the weights are then as they were).
  StepOutcome take(const Batch& batch);

 private:
  Tensor with_adversaries(const Batch& batch) const;

  TrainState& state_;
  const TrainOptions& options_;
  StepEvaluator evaluate_;
  std::optional<AttackOptions> attack_;
  Location where_;
};

}  // namespace ingrad
