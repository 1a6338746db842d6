// SPDX-License-Identifier: Apache-2.0
#include "models/training/trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <iterator>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "models/training/checkpoint.h"
#include "models/training/evaluate.h"
#include "models/training/settings.h"
#include "models/training/train_state.h"
#include "models/training/train_step.h"

namespace ingrad {
namespace {

constexpr std::string_view kMonitors[] = {"automatic", "loss", "accuracy", "robust_accuracy"};

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Monitor resolved(const TrainOptions& o) {
  if (o.monitor != Monitor::automatic) return o.monitor;
  return o.task == Task::classification ? Monitor::accuracy : Monitor::loss;
}

void check(const BatchSource& training, const BatchSource* validation, const TrainOptions& o,
           Location where) {
  const auto fail = [&](const std::string& what) { throw Error("train: " + what, where); };
  if (o.epochs < 0) fail(fmt::format("{} epochs; expected at least 0", o.epochs));
  if (training.batches < 1 || !training.batch) fail("there are no training batches");
  if (validation != nullptr && (validation->batches < 1 || !validation->batch)) {
    fail("there are no validation batches");
  }
  if (o.patience < 0) fail(fmt::format("patience is {}; expected at least 0", o.patience));
  if (o.patience > 0 && validation == nullptr) fail("early stopping needs validation data");
  if (o.monitor == Monitor::robust_accuracy && (!o.validation_attack || validation == nullptr)) {
    fail("robust accuracy can be watched only with validation data and an attack on it");
  }
  const bool counts = o.monitor == Monitor::accuracy || o.monitor == Monitor::robust_accuracy;
  if (counts && o.task == Task::regression) fail("regression has no accuracy");
}

// ---- one run
// --------------------------------------------------------------------------------------

class Run {
 public:
  Run(Module& model, const BatchSource& training, const BatchSource* validation,
      const TrainOptions& options, const TrainCallbacks& callbacks, Location where)
      : training_(training),
        validation_(validation),
        options_(options),
        callbacks_(callbacks),
        where_(where),
        settings_(settings_of(model, training, validation, options)),
        maximize_(resolved(options) != Monitor::loss),
        state_(model, options, training.batches, maximize_, where),
        step_(state_, options, where) {}

  TrainResult execute() {
    TrainResult result;
    result.resumed_from = resume();
    const TrainProgress& now = state_.progress;
    while (now.epoch < options_.epochs && !now.stopped_early && !result.interrupted) {
      result.interrupted = !train_epoch();
      if (!result.interrupted) finish_epoch();
    }
    if (!result.interrupted) leave_final_weights();
    result.history = state_.history;
    result.best_epoch = now.best_epoch;
    result.best_metric = now.best_metric;
    result.steps = now.step;
    result.stopped_early = now.stopped_early;
    result.seconds = clock_.seconds();
    return result;
  }

 private:
  std::int64_t resume() {
    const CheckpointOptions& c = options_.checkpoint;
    if (c.path.empty() || !c.resume || !std::filesystem::exists(c.path)) return 0;
    state_.restore(read_checkpoint(c.path, settings_, where_), where_);
    return state_.progress.step;
  }

  // False if it was asked to stop; the checkpoint is then written.
  bool train_epoch() {
    epoch_clock_ = Clock();
    training_seconds_ = 0;
    samples_done_ = 0;
    TrainProgress& now = state_.progress;
    while (now.batch < training_.batches) {
      if (callbacks_.should_stop && callbacks_.should_stop()) {
        save();
        return false;
      }
      const Clock step_clock;
      const Batch batch = training_.batch(now.epoch, now.batch);
      const StepOutcome outcome = step_.take(batch);
      training_seconds_ += step_clock.seconds();
      samples_done_ += batch.inputs.dim(0);
      report(outcome);
      if (is_time_to_save()) save();
    }
    return true;
  }

  void report(const StepOutcome& outcome) const {
    if (!callbacks_.step) return;
    const TrainProgress& now = state_.progress;
    StepReport r;
    r.epoch = now.epoch;
    r.epochs = options_.epochs;
    r.batch = now.batch;
    r.batches = training_.batches;
    r.step = now.step;
    r.steps = options_.epochs * training_.batches;
    r.loss = outcome.loss;
    r.epoch_so_far = now.score.metrics();
    r.rate = outcome.rate;
    r.gradient_norm = outcome.gradient_norm;
    r.samples_per_second = speed();
    callbacks_.step(r);
  }

  double speed() const {
    return static_cast<double>(samples_done_) / std::max(training_seconds_, 1e-9);
  }

  Metrics validated(bool attacked) {
    EvaluateOptions o;
    o.task = options_.task;
    if (attacked) {
      o.attack = options_.validation_attack;
      o.attack->seed = options_.seed;
    }
    const std::int64_t passes = options_.validation_attack ? 2 : 1;
    const std::int64_t before = attacked ? validation_->batches : 0;
    o.progress = [&](std::int64_t done) {
      if (callbacks_.validation)
        callbacks_.validation(before + done, passes * validation_->batches);
      return true;
    };
    const AveragedWeights hold(state_);
    return evaluate(as_function(state_.model), *validation_, o, where_);
  }

  double watched(const EpochRecord& r) const {
    const Metrics& m = validation_ != nullptr ? r.validation : r.training;
    switch (resolved(options_)) {
      case Monitor::loss: return m.loss;
      case Monitor::robust_accuracy: return r.robust.accuracy;
      default: return m.accuracy;
    }
  }

  void finish_epoch() {
    TrainProgress& now = state_.progress;
    EpochRecord record;
    record.epoch = now.epoch;
    record.rate = state_.optimizer->learning_rate();
    record.training = now.score.metrics();
    if (validation_ != nullptr) {
      record.validation = validated(false);
      if (options_.validation_attack) record.robust = validated(true);
    }
    const double metric = watched(record);
    if (!std::isfinite(metric)) {
      throw Error(fmt::format("train: the {} of epoch {} is {}", name_of(resolved(options_)),
                              now.epoch + 1, metric),
                  where_);
    }
    const bool best = validation_ != nullptr && note_best(metric);
    if (options_.patience > 0) note_patience(metric);
    state_.rate.after_epoch(metric, *state_.optimizer);
    state_.history.push_back(record);
    ++now.epoch;
    now.batch = 0;
    now.score = Score();
    save();
    if (callbacks_.epoch) {
      const AveragedWeights hold(state_);
      callbacks_.epoch({state_.history.back(), best, epoch_clock_.seconds(), speed()});
    }
  }

  bool note_best(double metric) {
    TrainProgress& now = state_.progress;
    const bool best =
        now.best_epoch < 0 || (maximize_ ? metric > now.best_metric : metric < now.best_metric);
    if (best) {
      now.best_epoch = now.epoch;
      now.best_metric = metric;
      if (options_.restore_best) state_.best = state_.snapshot();
    }
    return best;
  }

  void note_patience(double metric) {
    TrainProgress& now = state_.progress;
    const double gain = maximize_ ? metric - now.stop_reference : now.stop_reference - metric;
    if (state_.history.empty() || gain > options_.min_delta) {
      now.stop_reference = metric;
      now.bad_epochs = 0;
    } else if (++now.bad_epochs >= options_.patience) {
      now.stopped_early = true;
    }
  }

  void leave_final_weights() {
    if (validation_ != nullptr && options_.restore_best && !state_.best.empty()) {
      state_.model.load_state(state_.best, where_);
    } else if (state_.average) {
      state_.model.load_state(state_.snapshot(), where_);
    }
  }

  // ---- the checkpoint
  // -----------------------------------------------------------------------------

  bool is_time_to_save() const {
    const CheckpointOptions& c = options_.checkpoint;
    if (c.path.empty()) return false;
    if (c.every_steps > 0 && state_.progress.step % c.every_steps == 0) return true;
    return c.every_seconds > 0 && since_saved_.seconds() >= c.every_seconds;
  }

  void save() {
    if (options_.checkpoint.path.empty()) return;
    for (const auto& [name, tensor] : state_.model.parameters()) {
      if (!std::isfinite(sum(abs(tensor)).item())) {
        throw Error(fmt::format("train: {} is no longer finite after step {}; {} keeps the last "
                                "state that was",
                                name, state_.progress.step, options_.checkpoint.path),
                    where_);
      }
    }
    write_checkpoint(options_.checkpoint.path, state_.tensors(), settings_, where_);
    since_saved_ = Clock();
  }

  const BatchSource& training_;
  const BatchSource* validation_;
  const TrainOptions& options_;
  const TrainCallbacks& callbacks_;
  Location where_;
  Settings settings_;
  bool maximize_;
  TrainState state_;
  TrainStep step_;
  Clock clock_, epoch_clock_, since_saved_;
  double training_seconds_ = 0;
  std::int64_t samples_done_ = 0;
};

}  // namespace

std::string_view name_of(Monitor monitor) { return kMonitors[static_cast<std::size_t>(monitor)]; }

TrainResult train(Module& model, const BatchSource& training, const BatchSource* validation,
                  const TrainOptions& options, const TrainCallbacks& callbacks, Location where) {
  check(training, validation, options, where);
  return Run(model, training, validation, options, callbacks, where).execute();
}

}  // namespace ingrad
