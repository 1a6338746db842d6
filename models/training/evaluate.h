// SPDX-License-Identifier: Apache-2.0
// Loss and accuracy of a model over a data set, clean or under attack.
#pragma once

#include <functional>
#include <optional>

#include "models/training/adversarial.h"
#include "models/training/batches.h"
#include "models/training/objective.h"

namespace ingrad {

struct EvaluateOptions {
  Task task = Task::classification;
  // The loss that the attack raises is the task's unless it names one.
  std::optional<AttackOptions> attack = {};
  // After every batch: what was evaluated (perturbed inputs under attack) and the outputs.
  std::function<void(const Batch& batch, const Tensor& outputs)> outputs = nullptr;
  // After every batch; returning false ends the evaluation, the metrics are of what was seen.
  std::function<bool(std::int64_t batches_done)> progress = nullptr;
};

// One pass over epoch 0 of the source; `model` in evaluation mode. Error: a batch whose targets do
// not fit the outputs.
Metrics evaluate(const std::function<Tensor(const Tensor&)>& model, const BatchSource& source,
                 const EvaluateOptions& options = {}, Location where = Location::current());

}  // namespace ingrad
