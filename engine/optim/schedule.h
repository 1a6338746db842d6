// SPDX-License-Identifier: Apache-2.0
// Learning-rate schedules as pure functions of the step: nothing to save but the step. The values
// are those of the PyTorch scheduler of the same name after `step` calls of its step().
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/optim/optimizer.h"

namespace ingrad {

// The rate after `step` scheduler steps (from 0) when the optimiser started with `base`.
using Schedule = std::function<double(double base, std::int64_t step)>;

// All throw Error on counts below 1 and factors that are out of range.
Schedule constant_schedule();
// base gamma^(step / step_size), rounded down.
Schedule step_schedule(std::int64_t step_size, double gamma = 0.1);
// One factor gamma at each milestone (a milestone given twice counts twice).
Schedule multi_step_schedule(std::vector<std::int64_t> milestones, double gamma = 0.1);
Schedule exponential_schedule(double gamma);
// Half a cosine from base to minimum in `period` steps, then back.
Schedule cosine_schedule(std::int64_t period, double minimum = 0);
// Cosine from base to minimum, restarted; each period is `growth` times the one before.
Schedule cosine_restarts_schedule(std::int64_t period, std::int64_t growth = 1, double minimum = 0);
// The factor goes linearly from `start` to `end` in `steps` steps and stays there. Linear warm-up
// is linear_schedule(0.1, 1, steps) as the first part of a sequence.
Schedule linear_schedule(double start = 1.0 / 3, double end = 1, std::int64_t steps = 5);
// base times `factor` during the first `steps` steps.
Schedule held_schedule(double factor = 1.0 / 3, std::int64_t steps = 5);
// base (1 - step / steps)^power.
Schedule polynomial_schedule(std::int64_t steps = 5, double power = 1);
// parts[i] runs from boundaries[i - 1] to boundaries[i], counting steps from its own start.
Schedule sequence_schedule(std::vector<Schedule> parts, std::vector<std::int64_t> boundaries);

struct OneCycleOptions {
  double max_rate = 0;  // required
  std::int64_t total_steps = 0;  // required
  double rising_fraction = 0.3;
  bool cosine = true;  // or linear
  double start_divisor = 25;      // first rate = max_rate / start_divisor
  double final_divisor = 1e4;     // last rate = first rate / final_divisor
  bool three_phases = false;      // come down to the first rate, then to the last
  double base_momentum = 0.85;
  double max_momentum = 0.95;
};
// Smith and Topin 2018. Ignores the base rate.
Schedule one_cycle_schedule(const OneCycleOptions& options, Location where = Location::current());
// The momentum that goes with it, high where the rate is low.
Schedule one_cycle_momentum(const OneCycleOptions& options, Location where = Location::current());

// Sets every group's rate to schedule(its initial rate, step).
void apply_schedule(Optimizer& optimizer, const Schedule& schedule, std::int64_t step);

// By text: "constant", "step:size=30,gamma=0.1", "multistep:milestones=60/80,gamma=0.1",
// "exponential:gamma=0.9", "cosine:minimum=0", "linear:start=1,end=0", "polynomial:power=2",
// "onecycle:max=0.4", each with an optional "warmup=N,warmup_start=0.1" in front of the schedule.
// `total_steps` is what cosine, linear, polynomial and onecycle run over unless they say "steps=".
Schedule make_schedule(std::string_view spec, std::int64_t total_steps,
                       Location where = Location::current());

// Lowers the rate when a metric stops improving (ReduceLROnPlateau).
struct PlateauOptions {
  bool maximize = false;
  double factor = 0.1;
  int patience = 10;
  double threshold = 1e-4;
  bool relative_threshold = true;
  int cooldown = 0;
  double minimum = 0;
  double eps = 1e-8;  // smaller reductions are left out
};
class Plateau {
 public:
  explicit Plateau(const PlateauOptions& options = {}, Location where = Location::current());
  // To be called once per epoch; true if the rates were lowered.
  bool observe(double metric, Optimizer& optimizer);

  // What the next calls depend on, for checkpoints: best, bad epochs, cooldown left.
  struct State {
    double best;
    int bad_epochs = 0;
    int cooldown_left = 0;
  };
  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

 private:
  bool better(double metric) const;
  PlateauOptions options_;
  State state_;
};

}  // namespace ingrad
