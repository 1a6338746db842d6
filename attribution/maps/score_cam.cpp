// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "attribution/baseline_set.h"
#include "attribution/layers/layers.h"
#include "attribution/maps/layer_maps.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/resize.h"

namespace ingrad {
namespace {

// The maps of all channels at the size of the picture, each from 0 to 1; empty where one is the
// same everywhere.
std::vector<std::vector<float>> masks_of(const std::vector<float>& channels, std::int64_t count,
                                         std::int64_t height, std::int64_t width,
                                         const Shape& row) {
  const Tensor small = Tensor::from(channels, {1, count, height, width});
  const Tensor large = contiguous(resize(small, {row[1], row[2]}, {.mode = Interpolation::linear}));
  const auto points = static_cast<std::size_t>(row[1] * row[2]);
  std::vector<std::vector<float>> masks;
  for (std::int64_t k = 0; k < count; ++k) {
    const float* const from = large.data<float>() + static_cast<std::size_t>(k) * points;
    const auto [low, high] = std::minmax_element(from, from + points);
    std::vector<float> mask;
    if (*high > *low) {
      for (std::size_t i = 0; i < points; ++i) mask.push_back((from[i] - *low) / (*high - *low));
    }
    masks.push_back(std::move(mask));
  }
  return masks;
}

}  // namespace

Attribution explain_score_cam(const ModelFn& model, const Tensor& x, const ScoreCamOptions& o,
                              const ExplainOptions& options, Location where) {
  ExplainRun run("score_cam", model, x, options, where);
  const LayerMaps maps(run, model, o.cam);
  require_one_layer(run, maps);
  const Shape row = run.inputs().shape().without(0);
  if (row.rank() != 3) {
    throw Error("score_cam: samples " + row.str() + "; expected pictures [C, H, W]", where);
  }
  const BaselineSet hidden(run, o.baselines);
  const std::int64_t channels = maps.channel_count(0);
  std::vector<std::vector<float>> activations(static_cast<std::size_t>(run.samples()));
  std::vector<std::vector<std::vector<float>>> masks(activations.size());
  run.pool().compute(
      layers_program(model, row, maps.layers(), options.scalar, false, 1, where), run.items(1),
      run.unchanged(), [&](const WorkItem& w, double, std::span<const float> a) {
        const auto s = static_cast<std::size_t>(w.sample);
        activations[s] = maps.channels(0, a);
        masks[s] = masks_of(activations[s], channels, maps.height(0), maps.width(0), row);
      });
  const auto points = static_cast<std::size_t>(row[1] * row[2]);
  std::vector<std::vector<double>> scores(activations.size());
  run.pool().values(
      run.items(channels),
      [&](const WorkItem& w, std::span<float> to) {
        const auto from = run.row(w.sample);
        const auto absent = hidden.row(0, w.sample);
        const auto& mask =
            masks[static_cast<std::size_t>(w.sample)][static_cast<std::size_t>(w.variant)];
        for (std::size_t i = 0; i < to.size(); ++i) {
          const float m = mask.empty() ? 0.0F : mask[i % points];
          to[i] = m * from[i] + (1 - m) * absent[i];
        }
      },
      [&](const WorkItem& w, double f, std::span<const float>) {
        scores[static_cast<std::size_t>(w.sample)].push_back(f);
      });
  std::vector<double> map(activations.size() * maps.map_size());
  for (std::size_t s = 0; s < activations.size(); ++s) {
    std::vector<double> weights(scores[s].size());
    double top = -INFINITY, total = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      if (!masks[s][k].empty()) top = std::max(top, scores[s][k]);
    }
    for (std::size_t k = 0; k < weights.size(); ++k) {
      if (!masks[s][k].empty()) total += weights[k] = std::exp(scores[s][k] - top);
    }
    for (double& w : weights) w = total > 0 ? w / total : 0;
    maps.add_weighted(activations[s], weights,
                      std::span(map).subspan(s * maps.map_size(), maps.map_size()));
  }
  run.result().steps.assign(activations.size(), static_cast<int>(channels));
  return maps.finish(run, map);
}

}  // namespace ingrad
