// SPDX-License-Identifier: Apache-2.0
#include "attribution/evaluation/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/ops/elementwise.h"

namespace ingrad {
namespace {

// The elements of each feature are first, first + stride, ...
struct Features {
  std::size_t count, elements, stride;
};

Features features_of(const Tensor& x, bool whole_pixels, Location where) {
  const auto width = static_cast<std::size_t>(x.size() / x.dim(0));
  if (!whole_pixels) return {width, 1, 0};
  if (x.rank() != 4) {
    throw Error(
        fmt::format("curves: whole pixels of inputs {}; expected [N, C, H, W]", x.shape().str()),
        where);
  }
  const auto plane = static_cast<std::size_t>(x.dim(2) * x.dim(3));
  return {plane, static_cast<std::size_t>(x.dim(1)), plane};
}

std::vector<std::size_t> removal_order(const float* a, const Features& f, bool least_first) {
  std::vector<double> score(f.count);
  for (std::size_t i = 0; i < f.count; ++i) {
    for (std::size_t k = 0; k < f.elements; ++k) {
      score[i] += static_cast<double>(a[i + k * f.stride]);
    }
  }
  std::vector<std::size_t> order(f.count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    return least_first ? score[i] < score[j] : score[i] > score[j];
  });
  return order;
}

}  // namespace

Curves deletion_insertion(const ModelFn& model, const Tensor& x, const Tensor& attribution,
                          const std::vector<std::int64_t>& targets, const CurveOptions& o,
                          Location where) {
  if (x.rank() < 2 || x.dim(0) == 0 || attribution.shape() != x.shape() ||
      static_cast<std::int64_t>(targets.size()) != x.dim(0) || o.steps < 1) {
    throw Error(
        fmt::format("curves: inputs {}, attribution {}, {} targets, {} steps; expected equal "
                    "shapes, one target per sample and at least one step",
                    x.shape().str(), attribution.shape().str(), targets.size(), o.steps),
        where);
  }
  const Tensor inputs = contiguous(cast(x.detach().to({}, where), DType::f32));
  const Tensor scores = contiguous(cast(attribution.detach().to({}, where), DType::f32));
  const Features features = features_of(inputs, o.whole_pixels, where);
  const auto n = static_cast<std::size_t>(inputs.dim(0));
  const std::size_t width = static_cast<std::size_t>(inputs.size()) / n;
  const auto points = static_cast<std::size_t>(o.steps) + 1;

  std::vector<std::vector<std::size_t>> order;
  for (std::size_t s = 0; s < n; ++s) {
    order.push_back(removal_order(scores.data<float>() + s * width, features, o.least_first));
  }
  // How many features are gone at each point: equal parts, rounded.
  Curves curves;
  std::vector<std::size_t> gone;
  for (std::size_t p = 0; p < points; ++p) {
    gone.push_back((features.count * p + static_cast<std::size_t>(o.steps) / 2) /
                   static_cast<std::size_t>(o.steps));
    curves.fraction.push_back(static_cast<double>(gone[p]) / static_cast<double>(features.count));
  }

  PoolOptions there = o.pool;
  there.device = x.device();
  Pool pool(model, inputs.shape().without(0), o.scalar, targets, {}, std::move(there), where);
  std::vector<WorkItem> items;
  for (std::size_t s = 0; s < n; ++s) {
    for (std::size_t v = 0; v < 2 * points; ++v) {
      items.push_back({static_cast<std::int64_t>(s), static_cast<std::int64_t>(v)});
    }
  }
  std::vector<double> f(n * 2 * points);
  pool.values(
      items,
      [&](const WorkItem& w, std::span<float> row) {
        const auto s = static_cast<std::size_t>(w.sample);
        const bool inserting = static_cast<std::size_t>(w.variant) >= points;
        const std::size_t count = gone[static_cast<std::size_t>(w.variant) % points];
        const float* from = inputs.data<float>() + s * width;
        for (std::size_t rank = 0; rank < features.count; ++rank) {
          const bool keep = (rank < count) == inserting;
          for (std::size_t k = 0; k < features.elements; ++k) {
            const std::size_t i = order[s][rank] + k * features.stride;
            row[i] = keep ? from[i] : static_cast<float>(o.fill);
          }
        }
      },
      [&](const WorkItem& w, double value, std::span<const float>) {
        f[static_cast<std::size_t>(w.sample) * 2 * points + static_cast<std::size_t>(w.variant)] =
            value;
      });

  curves.deletion.assign(points, 0);
  curves.insertion.assign(points, 0);
  for (std::size_t s = 0; s < n; ++s) {
    for (const bool inserting : {false, true}) {
      const double* c = f.data() + (2 * s + (inserting ? 1 : 0)) * points;
      auto& mean = inserting ? curves.insertion : curves.deletion;
      double area = 0;
      for (std::size_t p = 0; p < points; ++p) {
        mean[p] += c[p] / static_cast<double>(n);
        if (p > 0) area += (c[p] + c[p - 1]) / 2 * (curves.fraction[p] - curves.fraction[p - 1]);
      }
      (inserting ? curves.insertion_area : curves.deletion_area).push_back(area);
    }
  }
  curves.cost = pool.stats();
  return curves;
}

}  // namespace ingrad
