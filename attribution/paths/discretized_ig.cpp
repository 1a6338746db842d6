// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "attribution/baseline_set.h"
#include "attribution/paths/embedding_path.h"
#include "attribution/paths/token_paths.h"
#include "attribution/run.h"

namespace ingrad {
namespace {

// Paths are made for some samples at a time, so that they stay below this.
constexpr std::size_t kPathBytes = std::size_t{64} << 20;

// Anchors of a sample, and the points on the straight pieces between them.
struct Line {
  const float* anchors;
  std::size_t width;
  std::int64_t subdivisions, points;

  // Of a point, from 0; before the first and behind the last one, those.
  double at(std::int64_t point, std::size_t i) const {
    point = std::clamp<std::int64_t>(point, 0, points - 1);
    const auto k = static_cast<std::size_t>(point / subdivisions);
    const double from = static_cast<double>(anchors[k * width + i]);
    const std::int64_t j = point % subdivisions;
    if (j == 0) return from;
    const double share = static_cast<double>(j) / static_cast<double>(subdivisions);
    return from + share * (static_cast<double>(anchors[(k + 1) * width + i]) - from);
  }
};

}  // namespace

Attribution explain_discretized_ig(const ModelFn& model, const Tensor& x,
                                   const DiscretizedIgOptions& o, const ExplainOptions& options,
                                   Location where) {
  ExplainRun run("discretized_ig", model, x, options, where);
  if (run.inputs().rank() != 3) {
    throw Error(
        fmt::format("discretized_ig: inputs {}; expected embeddings [N, L, D]", x.spec().str()),
        where);
  }
  const BaselineSet baselines(run, o.baselines);
  const auto length = static_cast<std::size_t>(run.inputs().dim(1));
  const auto depth = static_cast<std::size_t>(run.inputs().dim(2));
  EmbeddingPaths make_path(o, run.inputs().dim(2), where);
  const std::size_t width = run.width();
  const std::int64_t points = std::int64_t{o.steps} * o.subdivisions + 1, classes = run.classes(),
                     count = baselines.count();
  const std::size_t path = static_cast<std::size_t>(o.steps + 1) * width;
  const auto at_once = static_cast<std::int64_t>(
      std::max<std::size_t>(kPathBytes / (4 * path * static_cast<std::size_t>(count)), 1));
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * width);
  run.result().f_baseline.assign(static_cast<std::size_t>(run.samples()), 0);
  std::vector<float> paths;
  for (std::int64_t first = 0; first < run.samples(); first += at_once * classes) {
    const std::int64_t last = std::min(first + at_once * classes, run.samples());
    paths.resize(path * static_cast<std::size_t>(count * (last - first) / classes));
    const auto path_of = [&](std::int64_t sample, std::int64_t b) {
      return paths.data() + path * static_cast<std::size_t>((sample - first) / classes * count + b);
    };
    const auto line_of = [&](const WorkItem& w) {
      return Line{path_of(w.sample, w.variant / points), width, o.subdivisions, points};
    };
    std::vector<WorkItem> items;  // variant = baseline * points + point
    for (std::int64_t s = first; s < last; ++s) {
      for (std::int64_t v = 0; v < count * points; ++v) items.push_back({s, v});
    }
    for (std::int64_t s = first; s < last; s += classes) {
      for (std::int64_t b = 0; b < count; ++b) {
        for (std::size_t i = 0; i < length; ++i) {
          make_path.write(run.row(s).subspan(i * depth, depth),
                          baselines.row(b, s).subspan(i * depth, depth), path_of(s, b) + i * depth,
                          width);
        }
      }
    }
    run.pool().gradients(
        items,
        [&](const WorkItem& w, std::span<float> to) {
          const Line line = line_of(w);
          for (std::size_t i = 0; i < width; ++i) {
            to[i] = static_cast<float>(line.at(w.variant % points, i));
          }
        },
        [&](const WorkItem& w, double value, std::span<const float> grad) {
          const std::int64_t k = w.variant % points;
          const Line line = line_of(w);
          const auto s = static_cast<std::size_t>(w.sample);
          const double share = 1.0 / static_cast<double>(count);
          for (std::size_t i = 0; i < width; ++i) {
            const double piece = 0.5 * (line.at(k - 1, i) - line.at(k + 1, i));
            values[s * width + i] += share * piece * static_cast<double>(grad[i]);
          }
          if (k == points - 1) run.result().f_baseline[s] += share * value;
        });
  }
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), static_cast<int>(points));
  return run.finish(values, true);
}

}  // namespace ingrad
