// SPDX-License-Identifier: Apache-2.0
// Integrated Gradients with fixed and adaptive quadrature.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/baselines.h"
#include "attribution/explain.h"
#include "attribution/run.h"
#include "attribution/straight_paths.h"

namespace ingrad {
namespace {

// The nodes of the midpoint rule of 3n nodes that the rule of n nodes lacks, with weight one each.
Quadrature new_thirds(int n) {
  Quadrature q;
  for (int k = 0; k < 3 * n; ++k) {
    if (k % 3 == 1) continue;
    q.nodes.push_back((k + 0.5) / (3 * n));
    q.weights.push_back(1);
  }
  return q;
}

double l1(const std::vector<double>& a) {
  double s = 0;
  for (const double v : a) s += std::abs(v);
  return s;
}

void integrate_adaptively(ExplainRun& run, StraightPaths& paths,
                          const IntegratedGradientsOptions& o, std::vector<double>& values) {
  Attribution& r = run.result();
  std::vector<std::int64_t> active;
  for (std::int64_t s = 0; s < run.samples(); ++s) active.push_back(s);
  r.steps.assign(active.size(), 0);
  r.converged.assign(active.size(), 0);
  std::vector<std::vector<double>> last(active.size());
  for (int n = 1; !active.empty() && n <= o.max_steps; n *= 3) {
    paths.add(active, n == 1 ? Quadrature{{0.5}, {1}} : new_thirds(n / 3));
    std::vector<std::int64_t> going_on;
    for (const std::int64_t sample : active) {
      const auto s = static_cast<std::size_t>(sample);
      std::vector<double> a = paths.attribution(sample, 1.0 / n, o.multiply_by_inputs);
      double sum = 0, change = 0;
      for (std::size_t i = 0; i < a.size(); ++i) {
        sum += a[i];
        if (!last[s].empty()) change += std::abs(a[i] - last[s][i]);
      }
      const double difference = r.f[s] - r.f_baseline[s];
      const bool complete =
          !o.multiply_by_inputs || std::abs(sum - difference) <= o.tolerance * std::abs(difference);
      const bool settled = !last[s].empty() && change <= o.tolerance * l1(a);
      std::copy(a.begin(), a.end(), values.begin() + static_cast<std::ptrdiff_t>(s * run.width()));
      r.steps[s] = n;
      if (complete && settled) {
        r.converged[s] = 1;
      } else {
        going_on.push_back(sample);
      }
      last[s] = std::move(a);
    }
    active = std::move(going_on);
  }
}

}  // namespace

Attribution explain_integrated_gradients(const ModelFn& model, const Tensor& x,
                                         const IntegratedGradientsOptions& o,
                                         const ExplainOptions& options, Location where) {
  const Quadrature q = o.adaptive ? Quadrature{} : quadrature(o.rule, o.steps, where);
  if (o.adaptive && (o.max_steps < 1 || !(o.tolerance > 0))) {
    throw Error(fmt::format("integrated_gradients: at most {} steps to a tolerance of {}; expected "
                            "at least 1 step and a positive tolerance",
                            o.max_steps, o.tolerance),
                where);
  }
  ExplainRun run("integrated_gradients", model, x, options, where);
  StraightPaths paths(run, model, baseline_rows(run, o.baselines), options);
  run.result().f_baseline = paths.baseline_values();
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  if (o.adaptive) {
    integrate_adaptively(run, paths, o, values);
  } else {
    std::vector<std::int64_t> all;
    for (std::int64_t s = 0; s < run.samples(); ++s) all.push_back(s);
    paths.add(all, q);
    for (const std::int64_t s : all) {
      const auto a = paths.attribution(s, 1, o.multiply_by_inputs);
      std::copy(
          a.begin(), a.end(),
          values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(s) * run.width()));
    }
    run.result().steps.assign(all.size(), o.steps);
  }
  paths.close();
  return run.finish(values, o.multiply_by_inputs);
}

}  // namespace ingrad
