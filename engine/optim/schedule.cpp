// SPDX-License-Identifier: Apache-2.0
#include "engine/optim/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "engine/optim/checks.h"

namespace ingrad {
namespace {

void check_steps(std::string_view schedule, std::string_view what, std::int64_t steps) {
  optim::check_at_least(schedule, what, static_cast<double>(steps), 1, Location::current());
}

double half_cosine(double fraction) { return (1 + std::cos(std::numbers::pi * fraction)) / 2; }

}  // namespace

Schedule constant_schedule() {
  return [](double base, std::int64_t) { return base; };
}

Schedule step_schedule(std::int64_t step_size, double gamma) {
  check_steps("step schedule", "step size", step_size);
  return [=](double base, std::int64_t step) {
    return base * std::pow(gamma, static_cast<double>(step / step_size));
  };
}

Schedule multi_step_schedule(std::vector<std::int64_t> milestones, double gamma) {
  std::sort(milestones.begin(), milestones.end());
  return [milestones = std::move(milestones), gamma](double base, std::int64_t step) {
    const auto passed = std::upper_bound(milestones.begin(), milestones.end(), step);
    return base * std::pow(gamma, static_cast<double>(passed - milestones.begin()));
  };
}

Schedule exponential_schedule(double gamma) {
  return [=](double base, std::int64_t step) {
    return base * std::pow(gamma, static_cast<double>(step));
  };
}

Schedule cosine_schedule(std::int64_t period, double minimum) {
  check_steps("cosine schedule", "period", period);
  return [=](double base, std::int64_t step) {
    const double fraction = static_cast<double>(step) / static_cast<double>(period);
    return minimum + (base - minimum) * half_cosine(fraction);
  };
}

Schedule cosine_restarts_schedule(std::int64_t period, std::int64_t growth, double minimum) {
  check_steps("cosine schedule", "period", period);
  check_steps("cosine schedule", "growth", growth);
  return [=](double base, std::int64_t step) {
    std::int64_t length = period;
    if (growth == 1) step %= period;
    while (step >= length) {
      step -= length;
      length *= growth;
    }
    const double fraction = static_cast<double>(step) / static_cast<double>(length);
    return minimum + (base - minimum) * half_cosine(fraction);
  };
}

Schedule linear_schedule(double start, double end, std::int64_t steps) {
  check_steps("linear schedule", "steps", steps);
  return [=](double base, std::int64_t step) {
    const double fraction =
        static_cast<double>(std::min(step, steps)) / static_cast<double>(steps);
    return base * (start + (end - start) * fraction);
  };
}

Schedule held_schedule(double factor, std::int64_t steps) {
  check_steps("constant schedule", "steps", steps);
  return [=](double base, std::int64_t step) { return step < steps ? base * factor : base; };
}

Schedule polynomial_schedule(std::int64_t steps, double power) {
  check_steps("polynomial schedule", "steps", steps);
  return [=](double base, std::int64_t step) {
    const double left =
        1 - static_cast<double>(std::min(step, steps)) / static_cast<double>(steps);
    return base * std::pow(left, power);
  };
}

Schedule sequence_schedule(std::vector<Schedule> parts, std::vector<std::int64_t> boundaries) {
  if (parts.size() != boundaries.size() + 1) {
    throw Error(fmt::format("sequence schedule: {} parts need {} boundaries, {} given",
                            parts.size(), parts.size() - 1, boundaries.size()));
  }
  if (!std::is_sorted(boundaries.begin(), boundaries.end())) {
    throw Error("sequence schedule: boundaries must not decrease");
  }
  return [parts = std::move(parts), boundaries = std::move(boundaries)](double base,
                                                                        std::int64_t step) {
    const auto passed = static_cast<std::size_t>(
        std::upper_bound(boundaries.begin(), boundaries.end(), step) - boundaries.begin());
    return parts[passed](base, passed == 0 ? step : step - boundaries[passed - 1]);
  };
}

namespace {

// A curve through the ends of the cycle's phases: value_at[i] holds at the end of phase i - 1.
Schedule cycle(const OneCycleOptions& o, std::vector<double> values, Location where) {
  optim::check_at_least("one-cycle schedule", "total steps", static_cast<double>(o.total_steps), 1,
                        where);
  if (!(o.rising_fraction >= 0 && o.rising_fraction <= 1)) {
    throw Error(fmt::format("one-cycle schedule: rising fraction {} is not in [0, 1]",
                            o.rising_fraction),
                where);
  }
  const double total = static_cast<double>(o.total_steps);
  std::vector<double> ends{o.rising_fraction * total - 1};
  if (o.three_phases) ends.push_back(2 * o.rising_fraction * total - 2);
  ends.push_back(total - 1);
  return [=](double, std::int64_t step) {
    const double at = static_cast<double>(step);
    std::size_t phase = 0;
    while (phase + 1 < ends.size() && at > ends[phase]) ++phase;
    const double start = phase == 0 ? 0 : ends[phase - 1];
    const double length = ends[phase] - start;
    const double fraction = length != 0 ? std::min((at - start) / length, 1.0) : 1.0;
    const double from = values[phase];
    const double to = values[phase + 1];
    return o.cosine ? to + (from - to) * half_cosine(fraction) : from + (to - from) * fraction;
  };
}

}  // namespace

Schedule one_cycle_schedule(const OneCycleOptions& o, Location where) {
  const double first = o.max_rate / o.start_divisor;
  const double last = first / o.final_divisor;
  return cycle(o, o.three_phases ? std::vector<double>{first, o.max_rate, first, last}
                                 : std::vector<double>{first, o.max_rate, last},
               where);
}

Schedule one_cycle_momentum(const OneCycleOptions& o, Location where) {
  std::vector<double> values{o.max_momentum, o.base_momentum, o.max_momentum};
  if (o.three_phases) values.push_back(o.max_momentum);
  return cycle(o, std::move(values), where);
}

void apply_schedule(Optimizer& optimizer, const Schedule& schedule, std::int64_t step) {
  for (int g = 0; g < optimizer.groups(); ++g) {
    optimizer.set_learning_rate(schedule(optimizer.initial_learning_rate(g), step), g);
  }
}

Plateau::Plateau(const PlateauOptions& options, Location where) : options_(options) {
  if (!(options.factor < 1)) {
    throw Error(fmt::format("plateau: factor {} is not below 1", options.factor), where);
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  state_.best = options.maximize ? -kInfinity : kInfinity;
}

bool Plateau::better(double metric) const {
  const double t = options_.threshold;
  if (options_.maximize) {
    return metric > (options_.relative_threshold ? state_.best * (1 + t) : state_.best + t);
  }
  return metric < (options_.relative_threshold ? state_.best * (1 - t) : state_.best - t);
}

bool Plateau::observe(double metric, Optimizer& optimizer) {
  if (better(metric)) {
    state_.best = metric;
    state_.bad_epochs = 0;
  } else {
    ++state_.bad_epochs;
  }
  if (state_.cooldown_left > 0) {
    --state_.cooldown_left;
    state_.bad_epochs = 0;
  }
  if (state_.bad_epochs <= options_.patience) return false;
  state_.cooldown_left = options_.cooldown;
  state_.bad_epochs = 0;
  bool lowered = false;
  for (int g = 0; g < optimizer.groups(); ++g) {
    const double old = optimizer.learning_rate(g);
    const double now = std::max(old * options_.factor, options_.minimum);
    if (old - now > options_.eps) {
      optimizer.set_learning_rate(now, g);
      lowered = true;
    }
  }
  return lowered;
}

}  // namespace ingrad
