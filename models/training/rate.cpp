// SPDX-License-Identifier: Apache-2.0
#include "models/training/rate.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/option_text.h"

namespace ingrad {
namespace {

PlateauOptions plateau_options(OptionText& t, bool maximize, Location where) {
  PlateauOptions o;
  o.maximize = maximize;
  o.factor = t.number("factor", o.factor);
  o.patience = static_cast<int>(
      std::clamp<std::int64_t>(t.integer("patience", o.patience), -1, std::int64_t{1} << 30));
  o.threshold = t.number("threshold", o.threshold);
  o.relative_threshold = !t.flag("absolute");
  o.cooldown = static_cast<int>(
      std::clamp<std::int64_t>(t.integer("cooldown", o.cooldown), -1, std::int64_t{1} << 30));
  o.minimum = t.number("minimum", o.minimum);
  t.finish();
  if (o.patience < 0 || o.cooldown < 0 || !(o.factor > 0)) {
    throw Error("plateau: patience and cooldown must be at least 0, the factor above 0", where);
  }
  return o;
}

}  // namespace

std::string_view name_of(ScheduleUnit unit) {
  switch (unit) {
    case ScheduleUnit::step: return "step";
    case ScheduleUnit::epoch: return "epoch";
    default: return "automatic";
  }
}

RateControl::RateControl(std::string_view spec, ScheduleUnit unit, std::int64_t epochs,
                         std::int64_t batches, bool maximize, Location where) {
  OptionText text(spec, where);
  const std::string& name = text.name();
  if (name == "plateau") {
    if (unit == ScheduleUnit::step) throw Error("plateau: counts epochs, not steps", where);
    plateau_.emplace(plateau_options(text, maximize, where), where);
    return;
  }
  by_epoch_ = unit == ScheduleUnit::automatic
                  ? name == "step" || name == "multistep" || name == "exponential"
                  : unit == ScheduleUnit::epoch;
  schedule_ = make_schedule(spec, by_epoch_ ? epochs : epochs * batches, where);
}

void RateControl::before_step(std::int64_t epoch, std::int64_t step, Optimizer& optimizer) const {
  if (schedule_) apply_schedule(optimizer, schedule_, by_epoch_ ? epoch : step);
}

void RateControl::after_epoch(double metric, Optimizer& optimizer) {
  if (plateau_) plateau_->observe(metric, optimizer);
}

NamedTensors RateControl::state() const {
  if (!plateau_) return {};
  const auto& [best, bad_epochs, cooldown_left] = plateau_->state();
  return {{"best", Tensor::scalar(best, DType::f64)},
          {"bad_epochs", Tensor::scalar(bad_epochs, DType::i64)},
          {"cooldown_left", Tensor::scalar(cooldown_left, DType::i64)}};
}

void RateControl::load_state(std::span<const NamedTensor> state, Location where) {
  if (!plateau_) return;
  const auto number = [&](std::string_view name) {
    for (const NamedTensor& t : state) {
      if (t.name == name) return t.tensor.item(where);
    }
    throw Error(fmt::format("plateau: state lacks {}", name), where);
  };
  plateau_->set_state({number("best"), static_cast<int>(number("bad_epochs")),
                       static_cast<int>(number("cooldown_left"))});
}

}  // namespace ingrad
