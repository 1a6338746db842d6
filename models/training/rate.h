// SPDX-License-Identifier: Apache-2.0
// The learning rate over a training run, by a line of text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/named_tensor.h"
#include "engine/optim/schedule.h"

namespace ingrad {

// What a schedule counts.
enum class ScheduleUnit : std::uint8_t {
  automatic,  // step, multistep, exponential and plateau count epochs, all others steps
  step,
  epoch,
};
std::string_view name_of(ScheduleUnit unit);

class RateControl {
 public:
  // A schedule of make_schedule() over the whole run, or "plateau:factor=0.1,patience=10,
  // threshold=0.0001,absolute,cooldown=0,minimum=0", which watches a metric once per epoch; it
  // falls, or rises if `maximize`. Error names what is unknown.
  RateControl(std::string_view spec, ScheduleUnit unit, std::int64_t epochs, std::int64_t batches,
              bool maximize, Location where = Location::current());

  // To be called before step `step` (from 0) of the run, in `epoch` (from 0).
  void before_step(std::int64_t epoch, std::int64_t step, Optimizer& optimizer) const;
  void after_epoch(double metric, Optimizer& optimizer);

  // What the rates to come depend on, beside epoch and step.
  NamedTensors state() const;
  void load_state(std::span<const NamedTensor> state, Location where = Location::current());

 private:
  Schedule schedule_;  // empty for plateau
  std::optional<Plateau> plateau_;
  bool by_epoch_ = false;
};

}  // namespace ingrad
