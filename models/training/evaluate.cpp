// SPDX-License-Identifier: Apache-2.0
#include "models/training/evaluate.h"

namespace ingrad {

Metrics evaluate(const std::function<Tensor(const Tensor&)>& model, const BatchSource& source,
                 const EvaluateOptions& options, Location where) {
  const RowLoss loss = row_loss(options.task);
  std::optional<AttackOptions> hostile = options.attack;
  if (hostile && !hostile->loss) hostile->loss = loss;
  Score score;
  for (std::int64_t i = 0; i < source.batches; ++i) {
    Batch batch = source.batch(0, i);
    if (hostile) {
      batch.inputs = attack(model, batch.inputs, batch.targets, *hostile, batch.samples, 0, where);
    }
    const Tensor outputs = model(batch.inputs);
    score.add(options.task, outputs, batch.targets, loss(outputs, batch.targets));
    if (options.outputs) options.outputs(batch, outputs);
    if (options.progress && !options.progress(i + 1)) break;
  }
  return score.metrics();
}

}  // namespace ingrad
