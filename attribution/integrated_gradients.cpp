// SPDX-License-Identifier: Apache-2.0
// Integrated Gradients with fixed and adaptive quadrature.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/affine_prefix.h"
#include "attribution/baselines.h"
#include "attribution/explain.h"
#include "attribution/run.h"
#include "engine/differentiate.h"
#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

// Rows of the prefix of a model that are computed at a time, op by op.
constexpr std::int64_t kPrefixRows = 64;

// The path from every baseline to every sample, and the sums of gradients along it. Where the model
// begins with an affine part, paths and sums are those of its values (attribution/affine_prefix.h).
class Paths {
 public:
  Paths(ExplainRun& run, const ModelFn& model, std::vector<Tensor> baselines,
        const ExplainOptions& options)
      : run_(run),
        baselines_(std::move(baselines)),
        // One row at a time below a cap on memory; the bits do not depend on it.
        prefix_rows_(options.pool.memory_bytes > 0 ? 1 : kPrefixRows) {
    ends_ = baselines_;
    ends_.push_back(run.inputs());
    width_ = run.width();
    gradients_.resize(baselines_.size() * static_cast<std::size_t>(run.samples()) * run.width());
    prefix_ = affine_prefix(model, run.inputs().shape().without(0), run.device());
    if (!prefix_) return;
    run.pool().release();  // the rest of the model takes its place
    width_ = static_cast<std::size_t>(prefix_->row_shape.size());
    for (Tensor& end : ends_) end = through_prefix(end);
    PoolOptions rest = options.pool;
    rest.device = run.device();
    if (rest.plans) rest.plans = rest.plans->rest();
    rest_.emplace(prefix_->rest, prefix_->row_shape, options.scalar, run.result().targets,
                  options.contrast, rest, run.where());
    sums_.resize(baselines_.size() * static_cast<std::size_t>(run.samples()) * width_);
  }

  std::int64_t baselines() const { return static_cast<std::int64_t>(baselines_.size()); }

  // Mean of f over the baselines, per sample.
  std::vector<double> baseline_values() {
    std::vector<double> f(static_cast<std::size_t>(run_.samples()));
    pool().values(
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
    std::vector<double>& sums = prefix_ ? sums_ : gradients_;
    pool().gradients(
        items,
        [&](const WorkItem& w, std::span<float> to) {
          interpolate(w.sample, w.variant / n, q.nodes[static_cast<std::size_t>(w.variant % n)],
                      to);
        },
        [&](const WorkItem& w, double, std::span<const float> grad) {
          double* to = sums.data() + path(w.sample, w.variant / n) * width_;
          const double weight = q.weights[static_cast<std::size_t>(w.variant % n)];
          for (std::size_t i = 0; i < grad.size(); ++i)
            to[i] += weight * static_cast<double>(grad[i]);
        });
    if (prefix_) back_through_prefix(samples);
  }

  // The attribution of a sample: the mean over baselines of (x - x') sum * scale.
  std::vector<double> attribution(std::int64_t sample, double scale, bool multiply) const {
    const auto x = run_.row(sample);
    std::vector<double> a(run_.width());
    for (std::int64_t b = 0; b < baselines(); ++b) {
      const double* sum = gradients_.data() + path(sample, b) * run_.width();
      const float* from = baselines_[static_cast<std::size_t>(b)].data<float>() +
                          static_cast<std::size_t>(sample) * run_.width();
      for (std::size_t i = 0; i < a.size(); ++i) {
        const double distance =
            multiply ? static_cast<double>(x[i]) - static_cast<double>(from[i]) : 1.0;
        a[i] += distance * sum[i] * scale / static_cast<double>(baselines());
      }
    }
    return a;
  }

  void close() {
    if (rest_) run_.add_cost(rest_->stats());
  }

 private:
  Pool& pool() { return rest_ ? *rest_ : run_.pool(); }
  std::size_t path(std::int64_t sample, std::int64_t b) const {
    return static_cast<std::size_t>(sample * baselines() + b);
  }

  void interpolate(std::int64_t sample, std::int64_t b, double alpha, std::span<float> to) const {
    const std::size_t at = static_cast<std::size_t>(sample) * width_;
    const float* const x = ends_.back().data<float>() + at;
    const float* const from = ends_[static_cast<std::size_t>(b)].data<float>() + at;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const auto start = static_cast<double>(from[i]);
      to[i] = static_cast<float>(start + alpha * (static_cast<double>(x[i]) - start));
    }
  }

  Tensor through_prefix(const Tensor& rows) const {
    std::vector<Tensor> parts;
    for (std::int64_t first = 0; first < rows.dim(0); first += prefix_rows_) {
      const std::int64_t n = std::min(prefix_rows_, rows.dim(0) - first);
      const Tensor part = narrow(rows, 0, first, n).to(run_.device());
      parts.push_back(prefix_->prefix(part).detach().to({}));
    }
    return contiguous(concat(parts, 0));
  }

  // From sums of gradients of the prefix's values to those of its inputs. It is affine: where it is
  // differentiated does not matter.
  void back_through_prefix(std::span<const std::int64_t> samples) {
    std::vector<std::size_t> paths;
    for (const std::int64_t s : samples) {
      for (std::int64_t b = 0; b < baselines(); ++b) paths.push_back(path(s, b));
    }
    for (std::size_t first = 0; first < paths.size();) {
      const std::size_t n = std::min(static_cast<std::size_t>(prefix_rows_), paths.size() - first);
      const auto rows = static_cast<std::int64_t>(n);
      const Tensor sums =
          Tensor::empty(prefix_->row_shape.with_inserted(0, rows), DType::f32, run_.where());
      for (std::size_t i = 0; i < n; ++i) {
        const double* const from = sums_.data() + paths[first + i] * width_;
        std::transform(from, from + width_, sums.mutable_data<float>() + i * width_,
                       [](double v) { return static_cast<float>(v); });
      }
      const Device device = run_.device();
      const Tensor at = Tensor::zeros(run_.inputs().shape().with(0, rows)).to(device).track();
      const Tensor h = prefix_->prefix(at), towards = sums.to(device);
      const Tensor back = contiguous(gradients({&h, 1}, {&towards, 1}, {&at, 1})[0]).to({});
      for (std::size_t i = 0; i < n; ++i) {
        const float* const from = back.data<float>() + i * run_.width();
        std::copy(
            from, from + run_.width(),
            gradients_.begin() + static_cast<std::ptrdiff_t>(paths[first + i] * run_.width()));
      }
      first += n;
    }
  }

  ExplainRun& run_;
  std::vector<Tensor> baselines_;
  std::int64_t prefix_rows_;
  std::optional<AffinePrefix> prefix_;
  std::optional<Pool> rest_;
  std::size_t width_;              // of a row that is interpolated
  std::vector<Tensor> ends_;       // baselines, then samples, in such rows
  std::vector<double> sums_;       // along paths, of gradients of the prefix's values
  std::vector<double> gradients_;  // of gradients of the inputs
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
  Paths paths(run, model, baseline_rows("integrated_gradients", o.baselines, x, where), options);
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
