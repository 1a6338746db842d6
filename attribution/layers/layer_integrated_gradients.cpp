// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "attribution/baseline_set.h"
#include "attribution/layers/cut.h"
#include "attribution/layers/layer_attribution.h"
#include "attribution/run.h"

namespace ingrad {
Attribution explain_layer_integrated_gradients(const ModelFn& model, const Tensor& x,
                                               const std::string& layer, const LayerPathOptions& o,
                                               const ExplainOptions& options, Location where) {
  const Quadrature q = quadrature(o.rule, o.steps, where);
  ExplainRun run("layer_integrated_gradients", model, x, options, where);
  const Shape row = run.inputs().shape().without(0);
  const LayerCut cut = cut_at(model, row, layer, run.device(), where);
  const BaselineSet baselines(run, o.baselines);
  const std::int64_t lines = baselines.count();
  const auto units = static_cast<std::size_t>(cut.layer.shape.size());
  const auto size = static_cast<std::size_t>(cut.size);
  // Values at the cut: of every sample's baselines, then of the sample.
  std::vector<float> at_cut(static_cast<std::size_t>(run.samples() * (lines + 1)) * size);
  const auto values_at = [&](std::int64_t sample, std::int64_t end) {
    return at_cut.data() + static_cast<std::size_t>(sample * (lines + 1) + end) * size;
  };
  run.pool().compute(
      head_program(model, cut, row, options.scalar, where), run.items(lines + 1),
      [&](const WorkItem& w, std::span<float> to) {
        const auto from =
            w.variant < lines ? baselines.row(w.variant, w.sample) : run.row(w.sample);
        std::copy(from.begin(), from.end(), to.begin());
      },
      [&](const WorkItem& w, double, std::span<const float> values) {
        std::copy(values.begin(), values.end(), values_at(w.sample, w.variant));
      });
  Pool tail = tail_pool(run, cut, options);
  // The path moves the layer; what passes by is the sample's.
  const auto point = [&](std::int64_t sample, std::int64_t line, double alpha,
                         std::span<float> to) {
    const float* const from = values_at(sample, line);
    const float* const end = values_at(sample, lines);
    std::copy_n(end, to.size(), to.begin());
    const auto a = static_cast<float>(alpha);
    for (std::size_t i = 0; i < units; ++i) to[i] = from[i] + a * (end[i] - from[i]);
  };
  std::vector<double>& base = run.result().f_baseline;
  base.assign(static_cast<std::size_t>(run.samples()), 0);
  tail.values(
      run.items(lines),
      [&](const WorkItem& w, std::span<float> to) { point(w.sample, w.variant, 0, to); },
      [&](const WorkItem& w, double f, std::span<const float>) {
        base[static_cast<std::size_t>(w.sample)] += f / static_cast<double>(lines);
      });
  const auto nodes = static_cast<std::int64_t>(q.nodes.size());
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * units);
  tail.gradients(
      run.items(lines * nodes),  // variant = line * nodes + node
      [&](const WorkItem& w, std::span<float> to) {
        point(w.sample, w.variant / nodes, q.nodes[static_cast<std::size_t>(w.variant % nodes)],
              to);
      },
      [&](const WorkItem& w, double, std::span<const float> g) {
        const float* const from = values_at(w.sample, w.variant / nodes);
        const float* const end = values_at(w.sample, lines);
        const double weight =
            q.weights[static_cast<std::size_t>(w.variant % nodes)] / static_cast<double>(lines);
        double* const to = values.data() + static_cast<std::size_t>(w.sample) * units;
        for (std::size_t i = 0; i < units; ++i) {
          to[i] += weight * static_cast<double>(g[i]) *
                   (static_cast<double>(end[i]) - static_cast<double>(from[i]));
        }
      });
  run.add_cost(tail.stats());
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), o.steps);
  return run.finish(values, true, cut.layer.shape.with_inserted(0, run.samples()));
}

}  // namespace ingrad
