// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "attribution/baseline_set.h"
#include "attribution/paths/token_paths.h"
#include "attribution/run.h"

namespace ingrad {

Attribution explain_sequential_ig(const ModelFn& model, const Tensor& x,
                                  const SequentialIgOptions& o, const ExplainOptions& options,
                                  Location where) {
  const Quadrature q = quadrature(o.rule, o.steps, where);
  ExplainRun run("sequential_ig", model, x, options, where);
  if (run.inputs().rank() != 3) {
    throw Error(
        fmt::format("sequential_ig: inputs {}; expected embeddings [N, L, D]", x.spec().str()),
        where);
  }
  const BaselineSet baselines(run, o.baselines);
  const std::int64_t length = run.inputs().dim(1);
  const auto depth = static_cast<std::size_t>(run.inputs().dim(2));
  // A token's place in its row, its baseline, and the node: variant = (baseline L + token) n +
  // node.
  struct Place {
    std::size_t at, node;
    std::span<const float> from;
  };
  const auto place_of = [&](const WorkItem& w) {
    const std::int64_t token = w.variant / o.steps % length;
    return Place{static_cast<std::size_t>(token) * depth,
                 static_cast<std::size_t>(w.variant % o.steps),
                 baselines.row(w.variant / o.steps / length, w.sample)
                     .subspan(static_cast<std::size_t>(token) * depth, depth)};
  };
  std::vector<WorkItem> items = run.items(baselines.count() * length * o.steps);
  std::erase_if(items, [&](const WorkItem& w) {
    const Place p = place_of(w);
    return std::ranges::equal(run.row(w.sample).subspan(p.at, depth), p.from);
  });
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  run.pool().gradients(
      items,
      [&](const WorkItem& w, std::span<float> to) {
        const auto from = run.row(w.sample);
        std::ranges::copy(from, to.begin());
        const Place p = place_of(w);
        const auto node = static_cast<float>(q.nodes[p.node]);
        for (std::size_t i = 0; i < depth; ++i) {
          to[p.at + i] = p.from[i] + node * (from[p.at + i] - p.from[i]);
        }
      },
      [&](const WorkItem& w, double, std::span<const float> grad) {
        const Place p = place_of(w);
        const auto from = run.row(w.sample);
        const double weight = q.weights[p.node] / static_cast<double>(baselines.count());
        double* const to = values.data() + static_cast<std::size_t>(w.sample) * run.width();
        for (std::size_t i = 0; i < depth; ++i) {
          const double distance =
              static_cast<double>(from[p.at + i]) - static_cast<double>(p.from[i]);
          to[p.at + i] += weight * distance * static_cast<double>(grad[p.at + i]);
        }
      });
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), o.steps);
  return run.finish(values, false);
}

}  // namespace ingrad
