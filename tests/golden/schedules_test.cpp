// SPDX-License-Identifier: Apache-2.0
// Learning-rate schedules step by step, and the plateau rule metric by metric.
#include <gtest/gtest.h>

#include <map>

#include "engine/optim/optimizers.h"
#include "engine/optim/schedule.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

using Json = nlohmann::json;

OneCycleOptions one_cycle_options(const Json& a) {
  OneCycleOptions o;
  o.max_rate = a["max_lr"];
  o.total_steps = a["total_steps"];
  o.rising_fraction = a.value("pct_start", o.rising_fraction);
  o.cosine = a.value("anneal_strategy", "cos") == "cos";
  o.start_divisor = a.value("div_factor", o.start_divisor);
  o.final_divisor = a.value("final_div_factor", o.final_divisor);
  o.three_phases = a.value("three_phase", o.three_phases);
  o.base_momentum = a.value("base_momentum", o.base_momentum);
  o.max_momentum = a.value("max_momentum", o.max_momentum);
  return o;
}

// What each kind of case asks for. One entry per `op` of the file, but for "plateau".
const std::map<std::string, Schedule (*)(const Json&)> kSchedules = {
    {"step", [](const Json& a) { return step_schedule(a["step_size"], a["gamma"]); }},
    {"multi_step",
     [](const Json& a) { return multi_step_schedule(ints(a["milestones"]), a["gamma"]); }},
    {"exponential", [](const Json& a) { return exponential_schedule(a["gamma"]); }},
    {"cosine", [](const Json& a) { return cosine_schedule(a["T_max"], a["eta_min"]); }},
    {"cosine_restarts",
     [](const Json& a) { return cosine_restarts_schedule(a["T_0"], a["T_mult"], a["eta_min"]); }},
    {"linear",
     [](const Json& a) {
       return linear_schedule(a["start_factor"], a["end_factor"], a["total_iters"]);
     }},
    {"constant", [](const Json& a) { return held_schedule(a["factor"], a["total_iters"]); }},
    {"polynomial",
     [](const Json& a) { return polynomial_schedule(a["total_iters"], a["power"]); }},
    {"one_cycle", [](const Json& a) { return one_cycle_schedule(one_cycle_options(a)); }},
    {"warmup_cosine",
     [](const Json& a) {
       const std::int64_t warmup = a["warmup_steps"];
       return sequence_schedule({linear_schedule(a["start_factor"], 1, warmup),
                                 cosine_schedule(a["T_max"], a["eta_min"])},
                                {warmup});
     }},
};

void expect_values(const Schedule& schedule, double base, const Tensor& expected,
                   std::string_view what) {
  std::vector<double> got;
  for (std::int64_t step = 0; step < expected.size(); ++step) got.push_back(schedule(base, step));
  expect_close(Tensor::from<double>(got, expected.shape()), expected, kF64Tolerance, what);
}

TEST(GoldenSchedules, StepByStep) {
  std::map<std::string, int> seen;
  for (const Case& c : read("schedules").cases) {
    if (c.op == "plateau") continue;
    const auto make = kSchedules.find(c.op);
    ASSERT_TRUE(make != kSchedules.end()) << "no schedule is mapped to " << c.op;
    expect_values(make->second(c.attrs), c.attrs["base_lr"], c.outputs[0], c.id + " rate");
    if (c.op == "one_cycle") {
      expect_values(one_cycle_momentum(one_cycle_options(c.attrs)), 0, c.outputs[1],
                    c.id + " momentum");
    }
    ++seen[c.op];
  }
  EXPECT_EQ(seen.size(), kSchedules.size()) << "a kind of schedule has no golden case";
}

TEST(GoldenSchedules, PlateauMetricByMetric) {
  int count = 0;
  for (const Case& c : read("schedules").cases) {
    if (c.op != "plateau") continue;
    ++count;
    const Json& a = c.attrs;
    PlateauOptions o;
    o.maximize = a["mode"] == "max";
    o.factor = a["factor"];
    o.patience = a["patience"];
    o.threshold = a.value("threshold", o.threshold);
    o.relative_threshold = a.value("threshold_mode", "rel") == "rel";
    o.cooldown = a.value("cooldown", o.cooldown);
    o.minimum = a.value("min_lr", o.minimum);
    o.eps = a.value("eps", o.eps);
    Plateau plateau(o);
    Sgd optimizer(one_group({{"p", Tensor::zeros({1})}}), {.learning_rate = a["base_lr"]});
    std::vector<double> rates;
    double last = optimizer.learning_rate();
    for (const double metric : c.inputs[0].to_vector<double>()) {
      const bool lowered = plateau.observe(metric, optimizer);
      rates.push_back(optimizer.learning_rate());
      EXPECT_EQ(lowered, rates.back() < last) << c.id << " metric " << rates.size() - 1;
      last = rates.back();
    }
    expect_close(Tensor::from<double>(rates, c.outputs[0].shape()), c.outputs[0], kF64Tolerance,
                 c.id);
  }
  EXPECT_EQ(count, 4);
}

}  // namespace
}  // namespace ingrad::golden
