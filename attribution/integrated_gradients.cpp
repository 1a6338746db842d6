// SPDX-License-Identifier: Apache-2.0
// Integrated Gradients with fixed and adaptive quadrature.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/run.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/shape.h"

namespace ingrad {
namespace {

// Every baseline with one row per sample, as f32.
std::vector<Tensor> per_sample(const std::vector<Tensor>& baselines, const Tensor& x,
                               Location where) {
  std::vector<Tensor> out;
  for (const Tensor& given : baselines) {
    if (!given.defined()) throw Error("integrated_gradients: a baseline is undefined", where);
    Shape common;
    try {
      common = broadcast_shapes("integrated_gradients", given.shape(), x.shape(), where);
    } catch (const Error&) {
      common = Shape{};
    }
    if (common != x.shape()) {
      throw Error(fmt::format("integrated_gradients: baseline {} does not broadcast to inputs {}",
                              given.shape().str(), x.shape().str()),
                  where);
    }
    out.push_back(contiguous(expand(cast(given.detach(), DType::f32), x.shape())));
  }
  if (out.empty()) out.push_back(Tensor::zeros(x.shape()));
  return out;
}

// The path from every baseline to every sample, and the sums along it.
class Paths {
 public:
  Paths(ExplainRun& run, std::vector<Tensor> baselines)
      : run_(run),
        baselines_(std::move(baselines)),
        sums_(baselines_.size() * static_cast<std::size_t>(run.samples()) * run.width()) {}

  std::int64_t baselines() const { return static_cast<std::int64_t>(baselines_.size()); }

  // Mean of f over the baselines, per sample.
  std::vector<double> baseline_values() {
    std::vector<double> f(static_cast<std::size_t>(run_.samples()));
    run_.pool().values(
        run_.items(baselines()),
        [this](const WorkItem& w, std::span<float> to) { interpolate(w.sample, w.variant, 0, to); },
        [&](const WorkItem& w, double value, std::span<const float>) {
          f[static_cast<std::size_t>(w.sample)] += value / static_cast<double>(baselines());
        });
    return f;
  }

  // Adds weight[k] * gradient at nodes[k] of every path of the given samples.
  void add(std::span<const std::int64_t> samples, const Quadrature& q) {
    const auto n = static_cast<std::int64_t>(q.nodes.size());
    std::vector<WorkItem> items;
    for (const std::int64_t s : samples) {
      for (std::int64_t v = 0; v < baselines() * n; ++v) items.push_back({s, v});
    }
    run_.pool().gradients(
        items,
        [&](const WorkItem& w, std::span<float> to) {
          interpolate(w.sample, w.variant / n, q.nodes[static_cast<std::size_t>(w.variant % n)], to);
        },
        [&](const WorkItem& w, double, std::span<const float> grad) {
          double* to = sum_of(w.sample, w.variant / n);
          const double weight = q.weights[static_cast<std::size_t>(w.variant % n)];
          for (std::size_t i = 0; i < grad.size(); ++i) to[i] += weight * static_cast<double>(grad[i]);
        });
  }

  // The attribution of a sample: the mean over baselines of (x - x') sum * scale.
  std::vector<double> attribution(std::int64_t sample, double scale, bool multiply) const {
    const auto x = run_.row(sample);
    std::vector<double> a(run_.width());
    for (std::int64_t b = 0; b < baselines(); ++b) {
      const double* sum = sum_of(sample, b);
      const float* from = baseline_row(sample, b);
      for (std::size_t i = 0; i < a.size(); ++i) {
        const double distance =
            multiply ? static_cast<double>(x[i]) - static_cast<double>(from[i]) : 1.0;
        a[i] += distance * sum[i] * scale / static_cast<double>(baselines());
      }
    }
    return a;
  }

 private:
  const float* baseline_row(std::int64_t sample, std::int64_t b) const {
    return baselines_[static_cast<std::size_t>(b)].data<float>() +
           static_cast<std::size_t>(sample) * run_.width();
  }
  const double* sum_of(std::int64_t sample, std::int64_t b) const {
    return sums_.data() + static_cast<std::size_t>(sample * baselines() + b) * run_.width();
  }
  double* sum_of(std::int64_t sample, std::int64_t b) {
    return sums_.data() + static_cast<std::size_t>(sample * baselines() + b) * run_.width();
  }
  void interpolate(std::int64_t sample, std::int64_t b, double alpha, std::span<float> to) const {
    const auto x = run_.row(sample);
    const float* from = baseline_row(sample, b);
    for (std::size_t i = 0; i < to.size(); ++i) {
      const auto start = static_cast<double>(from[i]);
      to[i] = static_cast<float>(start + alpha * (static_cast<double>(x[i]) - start));
    }
  }

  ExplainRun& run_;
  std::vector<Tensor> baselines_;
  std::vector<double> sums_;
};

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

void integrate_adaptively(ExplainRun& run, Paths& paths, const IntegratedGradientsOptions& o,
                          std::vector<double>& values) {
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
      const bool complete = !o.multiply_by_inputs ||
                            std::abs(sum - difference) <= o.tolerance * std::abs(difference);
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
  Paths paths(run, per_sample(o.baselines, x, where));
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
      std::copy(a.begin(), a.end(),
                values.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(s) * run.width()));
    }
    run.result().steps.assign(all.size(), o.steps);
  }
  return run.finish(values, o.multiply_by_inputs);
}

}  // namespace ingrad
