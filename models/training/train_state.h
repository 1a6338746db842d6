// SPDX-License-Identifier: Apache-2.0
// Everything that the rest of a training run depends on, in one place: what a checkpoint holds.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/optim/moving_average.h"
#include "engine/optim/optimizer.h"
#include "models/training/trainer.h"

namespace ingrad {

struct TrainProgress {
  std::int64_t epoch = 0;  // the present one
  std::int64_t batch = 0;  // the next one in it
  std::int64_t step = 0;   // taken in all
  Score score;             // of the present epoch's training
  std::int64_t best_epoch = -1;
  double best_metric = 0;
  double stop_reference = 0;  // what epochs have to improve on, and how many have not
  std::int64_t bad_epochs = 0;
  bool stopped_early = false;
};

struct TrainState {
  TrainState(Module& model, const TrainOptions& options, std::int64_t batches, bool maximize,
             Location where);

  // By name, in a fixed order: live handles and copies of numbers.
  NamedTensors tensors() const;
  // Overwrites everything. Error when something is missing or does not fit.
  void restore(const NamedTensors& tensors, Location where);

  // A copy of the weights and buffers that count: the averages, if there are any.
  NamedTensors snapshot() const;

  Module& model;
  std::unique_ptr<Optimizer> optimizer;
  std::optional<MovingAverage> average;
  RateControl rate;
  TrainProgress progress;
  std::vector<EpochRecord> history;
  NamedTensors best;  // snapshot of the best epoch
};

// While it lives, the model holds the averages; without averages it does nothing.
class AveragedWeights {
 public:
  explicit AveragedWeights(const TrainState& state);
  ~AveragedWeights();
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  std::vector<std::pair<Tensor, Tensor>> own_;  // live tensors and copies of their values
};

}  // namespace ingrad
