// SPDX-License-Identifier: Apache-2.0
// Activations and gradients of a layer, conductance, internal influence.
#include "attribution/layers/layer_attribution.h"

#include <fmt/format.h>

#include <algorithm>

#include "attribution/baseline_set.h"
#include "attribution/layers/layers.h"
#include "attribution/run.h"

namespace ingrad {
namespace {

// A run that asks a layer for its activations and gradients.
class LayerRun {
 public:
  LayerRun(const std::string& method, const ModelFn& model, const Tensor& x,
           const std::string& layer, const ExplainOptions& options, Location where)
      : run_(method, model, x, options, where),
        model_(model),
        layer_(find_layer(model, row(), layer, run_.device(), where)),
        values_(static_cast<std::size_t>(run_.samples()) * width()) {}

  ExplainRun& run() { return run_; }
  Shape row() const { return run_.inputs().shape().without(0); }
  std::size_t width() const { return static_cast<std::size_t>(layer_.shape.size()); }
  // The values of a sample's units.
  double* values(std::int64_t sample) {
    return values_.data() + static_cast<std::size_t>(sample) * width();
  }

  // `consume` gets a layer's activations, and with `gradient` its gradients behind them.
  void compute(bool gradient, std::span<const WorkItem> items, const Pool::Make& make,
               const Pool::Consume& consume) {
    run_.pool().compute_classes(
        [&](std::int64_t classes) {
          return layers_program(model_, row(), {layer_}, run_.result().scalar, gradient, classes,
                                run_.where());
        },
        items, make, consume);
  }
  void at_samples(bool gradient, const Pool::Consume& consume) {
    compute(gradient, run_.items(1), run_.unchanged(), consume);
    run_.result().steps.assign(static_cast<std::size_t>(run_.samples()), 1);
  }
  Attribution finish(bool complete = false) {
    return run_.finish(values_, complete, layer_.shape.with_inserted(0, run_.samples()));
  }

 private:
  ExplainRun run_;
  const ModelFn& model_;
  Layer layer_;
  std::vector<double> values_;
};

// x' + alpha (x - x') for every sample and baseline.
class Lines {
 public:
  Lines(ExplainRun& run, const std::vector<Tensor>& baselines)
      : run_(run), baselines_(run, baselines) {}

  std::int64_t count() const { return baselines_.count(); }
  void write(std::int64_t sample, std::int64_t baseline, double alpha, std::span<float> to) const {
    const auto x = run_.row(sample);
    const auto from = baselines_.row(baseline, sample);
    const auto a = static_cast<float>(alpha);
    for (std::size_t i = 0; i < to.size(); ++i) {
      // The ends are the rows themselves, whatever the rounding.
      to[i] = alpha == 1 ? x[i] : from[i] + a * (x[i] - from[i]);
    }
  }

 private:
  ExplainRun& run_;
  BaselineSet baselines_;
};

}  // namespace

Attribution explain_layer_activation(const ModelFn& model, const Tensor& x,
                                     const std::string& layer, const ExplainOptions& options,
                                     Location where) {
  LayerRun run("layer_activation", model, x, layer, options, where);
  run.at_samples(false, [&](const WorkItem& w, double, std::span<const float> a) {
    std::copy(a.begin(), a.end(), run.values(w.sample));
  });
  return run.finish();
}

Attribution explain_layer_gradient(const ModelFn& model, const Tensor& x, const std::string& layer,
                                   const ExplainOptions& options, Location where) {
  LayerRun run("layer_gradient", model, x, layer, options, where);
  run.at_samples(true, [&](const WorkItem& w, double, std::span<const float> both) {
    std::copy(both.begin() + static_cast<std::ptrdiff_t>(run.width()), both.end(),
              run.values(w.sample));
  });
  return run.finish();
}

Attribution explain_layer_gradient_times_activation(const ModelFn& model, const Tensor& x,
                                                    const std::string& layer,
                                                    const ExplainOptions& options, Location where) {
  LayerRun run("layer_gradient_times_activation", model, x, layer, options, where);
  run.at_samples(true, [&](const WorkItem& w, double, std::span<const float> both) {
    const std::size_t n = run.width();
    for (std::size_t i = 0; i < n; ++i) {
      run.values(w.sample)[i] = static_cast<double>(both[i]) * static_cast<double>(both[n + i]);
    }
  });
  return run.finish();
}

Attribution explain_internal_influence(const ModelFn& model, const Tensor& x,
                                       const std::string& layer, const LayerPathOptions& o,
                                       const ExplainOptions& options, Location where) {
  const Quadrature q = quadrature(o.rule, o.steps, where);
  LayerRun run("internal_influence", model, x, layer, options, where);
  const Lines lines(run.run(), o.baselines);
  const auto nodes = static_cast<std::int64_t>(q.nodes.size());
  run.compute(
      true, run.run().items(nodes * lines.count()),  // variant = baseline * nodes + node
      [&](const WorkItem& w, std::span<float> to) {
        lines.write(w.sample, w.variant / nodes,
                    q.nodes[static_cast<std::size_t>(w.variant % nodes)], to);
      },
      [&](const WorkItem& w, double, std::span<const float> both) {
        const double weight = q.weights[static_cast<std::size_t>(w.variant % nodes)] /
                              static_cast<double>(lines.count());
        double* const to = run.values(w.sample);
        for (std::size_t i = 0; i < run.width(); ++i) {
          to[i] += weight * static_cast<double>(both[run.width() + i]);
        }
      });
  run.run().result().steps.assign(static_cast<std::size_t>(run.run().samples()), o.steps);
  return run.finish();
}

Attribution explain_conductance(const ModelFn& model, const Tensor& x, const std::string& layer,
                                const LayerPathOptions& o, const ExplainOptions& options,
                                Location where) {
  if (o.steps < 1) {
    throw Error(fmt::format("conductance: {} steps; expected at least 1", o.steps), where);
  }
  LayerRun run("conductance", model, x, layer, options, where);
  const Lines lines(run.run(), o.baselines);
  const std::int64_t steps = o.steps, samples = run.run().samples();
  const auto all = [&](std::int64_t variants) { return run.run().items(variants * lines.count()); };
  // Gradients halfway through every step; then the ends of steps, with the change from the last
  // one.
  std::vector<float> gradients(static_cast<std::size_t>(samples * lines.count() * steps) *
                               run.width());
  const auto gradient = [&](std::int64_t sample, std::int64_t baseline, std::int64_t step) {
    return gradients.data() +
           static_cast<std::size_t>((sample * lines.count() + baseline) * steps + step) *
               run.width();
  };
  run.compute(
      true, all(steps),
      [&](const WorkItem& w, std::span<float> to) {
        const double step = static_cast<double>(w.variant % steps);
        lines.write(w.sample, w.variant / steps, (step + 0.5) / static_cast<double>(steps), to);
      },
      [&](const WorkItem& w, double, std::span<const float> both) {
        std::copy(both.begin() + static_cast<std::ptrdiff_t>(run.width()), both.end(),
                  gradient(w.sample, w.variant / steps, w.variant % steps));
      });
  std::vector<std::vector<float>> before(static_cast<std::size_t>(run.run().classes()));
  std::vector<double>& base = run.run().result().f_baseline;
  base.assign(static_cast<std::size_t>(samples), 0);
  run.compute(
      false, all(steps + 1),
      [&](const WorkItem& w, std::span<float> to) {
        const double end = static_cast<double>(w.variant % (steps + 1));
        lines.write(w.sample, w.variant / (steps + 1), end / static_cast<double>(steps), to);
      },
      [&](const WorkItem& w, double f, std::span<const float> a) {
        const std::int64_t baseline = w.variant / (steps + 1), end = w.variant % (steps + 1);
        auto& last = before[static_cast<std::size_t>(w.sample % run.run().classes())];
        if (end == 0) {
          base[static_cast<std::size_t>(w.sample)] += f / static_cast<double>(lines.count());
        } else {
          const float* const g = gradient(w.sample, baseline, end - 1);
          double* const to = run.values(w.sample);
          for (std::size_t i = 0; i < run.width(); ++i) {
            to[i] += (static_cast<double>(a[i]) - static_cast<double>(last[i])) *
                     static_cast<double>(g[i]) / static_cast<double>(lines.count());
          }
        }
        last.assign(a.begin(), a.end());
      });
  run.run().result().steps.assign(static_cast<std::size_t>(samples), o.steps);
  return run.finish(true);
}

}  // namespace ingrad
