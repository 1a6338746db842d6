// SPDX-License-Identifier: Apache-2.0
#include "attribution/paths/guided_ig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "attribution/baseline_set.h"
#include "attribution/run.h"

namespace ingrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What the choice of features needs, one at a time for all paths.
struct Choice {
  std::vector<double> magnitude, ordered;
};

// One path. A position is the share of its way that every feature has gone.
class GuidedPath {
 public:
  GuidedPath(std::span<const float> from, std::span<const float> to)
      : from_(from), way_(from.size()), gone_(from.size()), sum_(from.size()) {
    for (std::size_t i = 0; i < way_.size(); ++i) {
      way_[i] = static_cast<double>(to[i]) - static_cast<double>(from[i]);
      length_ += std::abs(way_[i]);
    }
  }

  void write(std::span<float> row) const {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = static_cast<float>(static_cast<double>(from_[i]) + gone_[i] * way_[i]);
    }
  }

  // Step k, from 1, with the gradient at the position.
  void move(int k, const GuidedIgOptions& o, std::span<const float> gradient, Choice& choice) {
    if (length_ == 0) return;
    const double along = static_cast<double>(k) / o.steps;
    const double least = std::max(along - o.max_distance, 0.0);
    const double most = std::min(along + o.max_distance, 1.0);
    const double target = length_ * (1 - along);
    // What is rounding beside the length of the path.
    const double small = 1e-9 * length_;
    for (std::size_t i = 0; i < gone_.size(); ++i) {
      if (gone_[i] < least) advance(i, least, gradient);
    }
    double remaining = 0;
    for (std::size_t i = 0; i < gone_.size(); ++i) remaining += std::abs(way_[i]) * (1 - gone_[i]);
    const auto rank = static_cast<std::size_t>(o.fraction * static_cast<double>(way_.size() - 1));
    while (remaining - target > small) {
      const double threshold = order_statistic(rank, most, gradient, choice);
      double room = 0;
      for (std::size_t i = 0; i < gone_.size(); ++i) {
        if (choice.magnitude[i] <= threshold && choice.magnitude[i] < kInfinity) {
          room += std::abs(way_[i]) * (most - gone_[i]);
        }
      }
      if (room == 0) return;
      const double share = std::min((remaining - target) / room, 1.0);
      for (std::size_t i = 0; i < gone_.size(); ++i) {
        if (choice.magnitude[i] > threshold || choice.magnitude[i] == kInfinity) continue;
        advance(i, share < 1 ? gone_[i] + share * (most - gone_[i]) : most, gradient);
      }
      remaining -= share * room;
    }
  }

  std::span<const double> sum() const { return sum_; }

 private:
  void advance(std::size_t i, double to, std::span<const float> gradient) {
    sum_[i] += (to - gone_[i]) * way_[i] * static_cast<double>(gradient[i]);
    gone_[i] = to;
  }

  // Fills choice.magnitude: |gradient|, infinite where a feature cannot move.
  double order_statistic(std::size_t rank, double most, std::span<const float> gradient,
                         Choice& choice) const {
    choice.magnitude.resize(way_.size());
    for (std::size_t i = 0; i < way_.size(); ++i) {
      choice.magnitude[i] =
          way_[i] == 0 || gone_[i] >= most ? kInfinity : std::abs(static_cast<double>(gradient[i]));
    }
    choice.ordered = choice.magnitude;
    const auto at = choice.ordered.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(choice.ordered.begin(), at, choice.ordered.end());
    return *at;
  }

  std::span<const float> from_;
  std::vector<double> way_, gone_, sum_;
  double length_ = 0;
};

}  // namespace

Attribution explain_guided_ig(const ModelFn& model, const Tensor& x, const GuidedIgOptions& o,
                              const ExplainOptions& options, Location where) {
  if (o.steps < 1 || !(o.fraction >= 0 && o.fraction <= 1) ||
      !(o.max_distance >= 0 && o.max_distance <= 1)) {
    throw Error(fmt::format("guided_ig: {} steps, fraction {}, distance {}; expected at least 1 "
                            "step, and fraction and distance in [0, 1]",
                            o.steps, o.fraction, o.max_distance),
                where);
  }
  ExplainRun run("guided_ig", model, x, options, where);
  const BaselineSet baselines(run, o.baselines);
  run.result().f_baseline = mean_at_baselines(run, baselines);
  const std::vector<WorkItem> items = run.items(baselines.count());
  std::vector<GuidedPath> paths;
  for (const WorkItem& w : items) {
    paths.emplace_back(baselines.row(w.variant, w.sample), run.row(w.sample));
  }
  const auto path_of = [&](const WorkItem& w) -> GuidedPath& {
    return paths[static_cast<std::size_t>(w.sample * baselines.count() + w.variant)];
  };
  Choice choice;
  for (int k = 1; k <= o.steps; ++k) {
    run.pool().gradients(
        items, [&](const WorkItem& w, std::span<float> to) { path_of(w).write(to); },
        [&](const WorkItem& w, double, std::span<const float> grad) {
          path_of(w).move(k, o, grad, choice);
        });
  }
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  for (const WorkItem& w : items) {
    const auto sum = path_of(w).sum();
    double* const to = values.data() + static_cast<std::size_t>(w.sample) * run.width();
    for (std::size_t i = 0; i < sum.size(); ++i) {
      to[i] += sum[i] / static_cast<double>(baselines.count());
    }
  }
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), o.steps);
  return run.finish(values, true);
}

}  // namespace ingrad
