// SPDX-License-Identifier: Apache-2.0
#include "models/training/train_step.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/optim/clipping.h"
#include "engine/random.h"

namespace ingrad {
namespace {

void check_options(const TrainOptions& o, Location where) {
  const auto fail = [&](std::string_view name, double value, std::string_view expected) {
    throw Error(fmt::format("train: {} is {}, expected {}", name, value, expected), where);
  };
  if (!(o.clip_norm >= 0)) fail("clip_norm", o.clip_norm, "at least 0");
  if (!(o.clip_value >= 0)) fail("clip_value", o.clip_value, "at least 0");
  if (!(o.label_smoothing >= 0 && o.label_smoothing < 1)) {
    fail("label_smoothing", o.label_smoothing, "a number in [0, 1)");
  }
  if (o.label_smoothing > 0 && o.task == Task::regression) {
    fail("label_smoothing", o.label_smoothing, "0 for regression");
  }
  if (!(o.adversarial_fraction >= 0 && o.adversarial_fraction <= 1)) {
    fail("adversarial_fraction", o.adversarial_fraction, "a number in [0, 1]");
  }
}

// Puts the rows of `part` in the places `rows` of x.
Tensor with_rows(const Tensor& x, const std::vector<std::int64_t>& rows, const Tensor& part) {
  const Tensor result = Tensor::empty(x.shape(), x.dtype());
  result.assign(x);
  const std::size_t bytes = static_cast<std::size_t>(x.size() / x.dim(0)) * size_of(x.dtype());
  auto* to = static_cast<std::byte*>(result.mutable_raw());
  const auto* from = static_cast<const std::byte*>(part.raw());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(to + static_cast<std::size_t>(rows[i]) * bytes, from + i * bytes, bytes);
  }
  return result;
}

}  // namespace

TrainStep::TrainStep(TrainState& state, const TrainOptions& options, Location where)
    : state_(state),
      options_(options),
      // L-BFGS compares what it finds at several points, and so must not have it overwritten.
      evaluate_(state.model, state.optimizer->parameters(),
                row_loss(options.task, options.label_smoothing),
                state.optimizer->name() == "lbfgs" ? Execution::op_by_op : options.execution),
      attack_(options.adversarial),
      where_(where) {
  check_options(options, where);
  if (attack_) {
    attack_->seed = options.seed;
    if (!attack_->loss) attack_->loss = row_loss(options.task);
  }
}

Tensor TrainStep::with_adversaries(const Batch& batch) const {
  const Tensor& x = batch.inputs;
  const auto step = static_cast<std::uint64_t>(state_.progress.step);
  const auto model = as_function(state_.model);
  if (options_.adversarial_fraction >= 1) {
    return attack(model, x, batch.targets, *attack_, batch.samples, step, where_);
  }
  const Tensor samples = batch.samples.defined() ? batch.samples : Tensor::arange(x.dim(0));
  const std::uint64_t stream = stream_of("adversarial.choice");
  std::vector<std::int64_t> chosen;
  for (std::int64_t r = 0; r < x.dim(0); ++r) {
    const auto sample = static_cast<std::uint64_t>(samples.data<std::int64_t>()[r]);
    const Tensor u = random_uniform({1}, {options_.seed, stream, sample, step});
    if (u.item() < options_.adversarial_fraction) chosen.push_back(r);
  }
  if (chosen.empty()) return x;
  const Tensor rows = Tensor::from(chosen, {static_cast<std::int64_t>(chosen.size())});
  const auto part = [&](const Tensor& t) { return contiguous(index_select(t, 0, rows)); };
  return with_rows(
      x, chosen,
      attack(model, part(x), part(batch.targets), *attack_, part(samples), step, where_));
}

StepOutcome TrainStep::take(const Batch& batch) {
  TrainProgress& now = state_.progress;
  Optimizer& optimizer = *state_.optimizer;
  state_.rate.before_step(now.epoch, now.step, optimizer);
  StepOutcome outcome{0, optimizer.learning_rate(), std::numeric_limits<double>::quiet_NaN()};
  const Tensor inputs = attack_ ? with_adversaries(batch) : batch.inputs;
  // Methods that evaluate more than once per step count the first time only.
  bool first = true;
  StepGradients kept;
  optimizer.step(
      [&]() -> ValueAndGrads {
        StepGradients found = evaluate_(inputs, batch.targets, options_.seed,
                                        static_cast<std::uint64_t>(now.step), where_);
        const double value = found.loss.item();
        if (!std::isfinite(value)) {
          throw Error(
              fmt::format("train: the loss is {} in epoch {}, batch {} (learning rate {}): try a "
                          "smaller rate, a warm-up or a limit on the gradient",
                          value, now.epoch + 1, now.batch + 1, outcome.rate),
              where_);
        }
        std::vector<Tensor>& grads = found.gradients;
        if (options_.clip_value > 0) clip_gradient_value(grads, options_.clip_value, where_);
        double norm = outcome.gradient_norm;
        if (options_.clip_norm > 0)
          norm = clip_gradient_norm(grads, options_.clip_norm, 2, true, where_);
        if (first) {
          now.score.add(options_.task, found.outputs, batch.targets, found.losses);
          outcome.loss = value;
          outcome.gradient_norm = norm;
          kept.updates = std::move(found.updates);
          first = false;
        }
        return {found.loss, std::move(grads)};
      },
      where_);
  kept.apply_updates(where_);
  if (state_.average) state_.average->update();
  ++now.batch;
  ++now.step;
  return outcome;
}

}  // namespace ingrad
