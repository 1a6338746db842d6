// SPDX-License-Identifier: Apache-2.0
#include "models/training/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ingrad {
namespace {

std::string text_of(const std::optional<AttackOptions>& attack) {
  if (!attack) return "none";
  const InputDomain& d = attack->domain;
  return fmt::format("{} on inputs with mean {}, deviation {}, bounds {} to {}", describe(*attack),
                     d.mean, d.deviation, d.low, d.high);
}

}  // namespace

Settings settings_of(const Module& model, const BatchSource& training,
                     const BatchSource* validation, const TrainOptions& o) {
  Settings s = o.settings;
  const auto set = [&](const char* name, const auto& value) {
    s[std::string("train.") + name] = fmt::format("{}", value);
  };
  set("model", model.describe());
  set("samples", training.samples);
  set("batches", training.batches);
  set("validation_samples", validation != nullptr ? validation->samples : 0);
  set("task", name_of(o.task));
  set("epochs", o.epochs);
  set("seed", o.seed);
  set("optimizer", o.optimizer);
  set("schedule", o.schedule);
  set("schedule_unit", name_of(o.schedule_unit));
  set("decay_vectors", o.decay_vectors);
  set("clip_norm", o.clip_norm);
  set("clip_value", o.clip_value);
  set("label_smoothing", o.label_smoothing);
  set("average_decay", o.average_decay);
  set("adversarial", text_of(o.adversarial));
  set("adversarial_fraction", o.adversarial_fraction);
  set("validation_attack", text_of(o.validation_attack));
  set("monitor", name_of(o.monitor));
  set("patience", o.patience);
  set("min_delta", o.min_delta);
  set("restore_best", o.restore_best);
  set("execution", name_of(o.execution));
  return s;
}

}  // namespace ingrad
