// SPDX-License-Identifier: Apache-2.0
#include "attribution/adversarial/adversarial.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "attribution/adversarial/attack_run.h"

namespace ingrad {
namespace {

// What the bisection knows of a sample: the attack failed below, and succeeded at `high`.
struct Interval {
  double low = 0, high = std::numeric_limits<double>::infinity();
};

}  // namespace

AdversarialExamples find_adversarial_examples(const ModelFn& model, const Tensor& x,
                                              const AttackOptions& attack,
                                              const ExplainOptions& options, Location where) {
  AttackRun run("adversarial", model, x, attack, options, where);
  return run.finish(run.attacked(all_samples(run), {}, 0));
}

AdversarialExamples find_minimal_perturbations(const ModelFn& model, const Tensor& x,
                                               const MinimalPerturbationOptions& o,
                                               const ExplainOptions& options, Location where) {
  if (o.bisections < 0 || !(o.attack.epsilon > 0)) {
    throw Error(fmt::format("minimal_perturbation: {} bisections of a radius of up to {}; expected "
                            "a number from 0, and a positive radius",
                            o.bisections, o.attack.epsilon),
                where);
  }
  AttackRun run("minimal_perturbation", model, x, o.attack, options, where);
  const auto width = static_cast<std::size_t>(run.inputs().size() / run.samples());
  const Tensor nearest = Tensor::empty(run.inputs().shape(), DType::f32, where);
  std::copy_n(run.inputs().data<float>(), run.inputs().size(), nearest.mutable_data<float>());
  std::vector<Interval> known(static_cast<std::size_t>(run.samples()));
  const auto of = [&](std::int64_t s) -> Interval& { return known[static_cast<std::size_t>(s)]; };
  std::vector<std::int64_t> open;
  const std::vector<std::int64_t> all = all_samples(run);
  const auto clean = run.outcome(all, run.inputs()).predictions;
  for (const std::int64_t s : all) {
    if (run.succeeded(s, clean[static_cast<std::size_t>(s)])) {
      of(s).high = 0;
    } else {
      open.push_back(s);
    }
  }
  for (int round = 0; round <= o.bisections && !open.empty(); ++round) {
    std::vector<double> radii;
    for (const std::int64_t s : open) {
      radii.push_back(round == 0 ? o.attack.epsilon : (of(s).low + of(s).high) / 2);
    }
    const Tensor points = run.attacked(open, radii, static_cast<std::uint64_t>(round));
    const auto predictions = run.outcome(open, points).predictions;
    std::vector<std::int64_t> going_on;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const std::int64_t s = open[i];
      const float* const point = points.data<float>() + i * width;
      if (run.succeeded(s, predictions[i])) {
        // The point may be nearer than the ball allows.
        of(s).high = std::min(radii[i], run.distance(s, point, o.attack.norm));
        std::copy_n(point, width,
                    nearest.mutable_data<float>() + static_cast<std::size_t>(s) * width);
      } else if (round > 0) {
        of(s).low = radii[i];
      }
      if (of(s).high < std::numeric_limits<double>::infinity()) going_on.push_back(s);
    }
    open = std::move(going_on);
  }
  AdversarialExamples r = run.finish(nearest);
  for (const Interval& i : known) r.radius.push_back(i.high);
  return r;
}

}  // namespace ingrad
