// SPDX-License-Identifier: Apache-2.0
// Training: epochs over a source of batches, validation, checkpoints. A run is a function of the
// model's initial state, the source and the options: stopped at any moment, by whatever means, and
// resumed from its checkpoint, it ends with the same bits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/module.h"
#include "models/training/adversarial.h"
#include "models/training/batches.h"
#include "models/training/execution.h"
#include "models/training/objective.h"
#include "models/training/rate.h"

namespace ingrad {

// What decides which epoch was the best, and about early stopping and the plateau schedule. Without
// validation data the numbers are those of the training.
enum class Monitor : std::uint8_t {
  automatic,  // accuracy for classes, else the loss
  loss,
  accuracy,
  robust_accuracy,  // under TrainOptions::validation_attack
};
std::string_view name_of(Monitor monitor);

struct CheckpointOptions {
  std::string path = {};  // empty: none
  double every_seconds = 60;
  std::int64_t every_steps = 0;  // 0: by time and at the ends of epochs only
  // Continue from the file if it is there. Error when it was made with other settings.
  bool resume = false;
};

struct TrainOptions {
  Task task = Task::classification;
  std::int64_t epochs = 10;
  std::uint64_t seed = 0;  // of dropout and of attacks; data and weights have their own

  std::string optimizer = "adam";     // engine/optim/optimizers.h: make_optimizer
  std::string schedule = "constant";  // RateControl
  ScheduleUnit schedule_unit = ScheduleUnit::automatic;
  bool decay_vectors = true;  // weight decay for biases and norm weights, too
  double clip_norm = 0;       // limit on the norm of the gradient; 0: none
  double clip_value = 0;      // limit on its elements; 0: none
  double label_smoothing = 0;
  // Decay per step of a moving average of weights and buffers; 0: none. The averages are what is
  // validated and what remains after the training.
  double average_decay = 0;

  // Replaces this share of the samples, chosen anew for each step, by adversarial examples, made in
  // evaluation mode (Madry et al. 2018).
  std::optional<AttackOptions> adversarial = {};
  double adversarial_fraction = 1;
  std::optional<AttackOptions> validation_attack = {};

  Execution execution = Execution::plan;

  Monitor monitor = Monitor::automatic;
  // Stop after so many epochs in a row that did not improve on the best by more than min_delta; 0:
  // never. Needs validation data.
  std::int64_t patience = 0;
  double min_delta = 0;
  // With validation data: after the training, the weights are those of the best epoch.
  bool restore_best = true;

  CheckpointOptions checkpoint = {};
  // Whatever else decides the outcome (data set, model, augmentation ...): kept in the checkpoint
  // and compared on resuming.
  std::map<std::string, std::string> settings = {};
};

struct EpochRecord {
  std::int64_t epoch = 0;  // from 0
  double rate = 0;         // of the last step
  Metrics training;        // in training mode, while the weights changed
  Metrics validation;
  Metrics robust;  // validation data under attack
};

struct StepReport {
  std::int64_t epoch = 0, epochs = 0;   // from 0
  std::int64_t batch = 0, batches = 0;  // done in this epoch
  std::int64_t step = 0, steps = 0;     // done in the whole run
  double loss = 0;                      // of this batch
  Metrics epoch_so_far;
  double rate = 0;
  double gradient_norm = 0;       // before clipping by norm; NaN without
  double samples_per_second = 0;  // in this epoch, of training alone
};

struct EpochReport {
  const EpochRecord& record;
  bool best = false;              // by validation, so far
  double seconds = 0;             // with validation
  double samples_per_second = 0;  // of training alone
};

struct TrainCallbacks {
  std::function<void(const StepReport&)> step = nullptr;
  std::function<void(std::int64_t done, std::int64_t batches)> validation = nullptr;
  // When the epoch is in the checkpoint. If `best`, the model holds the weights to be kept.
  std::function<void(const EpochReport&)> epoch = nullptr;
  // Asked between batches; true writes the checkpoint and ends the training.
  std::function<bool()> should_stop = nullptr;
};

struct TrainResult {
  std::vector<EpochRecord> history;  // of all epochs, also those before resuming
  std::int64_t best_epoch = -1;      // -1: there was no validation
  double best_metric = 0;
  std::int64_t steps = 0;         // in all
  std::int64_t resumed_from = 0;  // the step
  bool interrupted = false;       // by should_stop
  bool stopped_early = false;     // by patience
  double seconds = 0;             // since the call
};

// `validation` may be null. Error: options out of range, batches that do not fit the model, a loss
// or weights that are not finite (the checkpoint stays at the last good state), a checkpoint of
// other settings, a file that cannot be written (the old one stays).
TrainResult train(Module& model, const BatchSource& training, const BatchSource* validation,
                  const TrainOptions& options, const TrainCallbacks& callbacks = {},
                  Location where = Location::current());

}  // namespace ingrad
