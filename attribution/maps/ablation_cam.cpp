// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/layers/cut.h"
#include "attribution/maps/layer_maps.h"

namespace ingrad {

Attribution explain_ablation_cam(const ModelFn& model, const Tensor& x, const AblationCamOptions& o,
                                 const ExplainOptions& options, Location where) {
  ExplainRun run("ablation_cam", model, x, options, where);
  const LayerMaps maps(run, model, o.cam);
  require_one_layer(run, maps);
  const Shape row = run.inputs().shape().without(0);
  const LayerCut cut = cut_at(model, row, maps.layers()[0].name, run.device(), where);
  const auto size = static_cast<std::size_t>(cut.size);
  std::vector<float> at_cut(static_cast<std::size_t>(run.samples()) * size);
  run.pool().compute(head_program(model, cut, row, options.scalar, where), run.items(1),
                     run.unchanged(),
                     [&](const WorkItem& w, double, std::span<const float> values) {
                       std::copy(values.begin(), values.end(),
                                 at_cut.begin() + static_cast<std::ptrdiff_t>(w.sample) *
                                                      static_cast<std::ptrdiff_t>(size));
                     });
  const auto values_at = [&](std::int64_t sample) {
    return std::span(at_cut).subspan(static_cast<std::size_t>(sample) * size, size);
  };
  Pool tail = tail_pool(run, cut, options);
  const std::int64_t channels = maps.channel_count(0);
  std::vector<double> map(static_cast<std::size_t>(run.samples()) * maps.map_size());
  std::vector<std::vector<double>> weights(static_cast<std::size_t>(run.samples()));
  tail.values(
      run.items(channels),
      [&](const WorkItem& w, std::span<float> to) {
        const auto from = values_at(w.sample);
        std::copy(from.begin(), from.end(), to.begin());
        maps.clear_channel(0, w.variant, to);
      },
      [&](const WorkItem& w, double without, std::span<const float>) {
        const double f = run.result().f[static_cast<std::size_t>(w.sample)];
        const double drop = f - without;
        const double scale = o.relative ? std::abs(f) : 1;
        weights[static_cast<std::size_t>(w.sample)].push_back(scale > 0 ? drop / scale : 0);
      });
  for (std::int64_t s = 0; s < run.samples(); ++s) {
    const auto a = maps.channels(0, values_at(s).first(maps.layer_size(0)));
    maps.add_weighted(
        a, weights[static_cast<std::size_t>(s)],
        std::span(map).subspan(static_cast<std::size_t>(s) * maps.map_size(), maps.map_size()));
  }
  run.add_cost(tail.stats());
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), static_cast<int>(channels));
  return maps.finish(run, map);
}

}  // namespace ingrad
