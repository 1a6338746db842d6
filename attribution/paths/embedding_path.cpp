// SPDX-License-Identifier: Apache-2.0
#include "attribution/paths/embedding_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/device.h"
#include "engine/ops/elementwise.h"
#include "engine/parallel.h"

namespace ingrad {
namespace {

bool is_between(float v, float a, float b) { return a <= b ? a <= v && v <= b : b <= v && v <= a; }

// A coordinate of an anchor, made monotone.
float monotone(float v, float last, float end, double share) {
  if (is_between(v, last, end)) return v;
  return static_cast<float>(static_cast<double>(last) +
                            share * (static_cast<double>(end) - static_cast<double>(last)));
}

}  // namespace

EmbeddingPaths::EmbeddingPaths(const DiscretizedIgOptions& options, std::int64_t width,
                               Location where)
    : o_(options), width_(static_cast<std::size_t>(width)) {
  const DeviceScope here(Device{});
  const Tensor& v = options.vocabulary;
  if (!v.defined() || v.rank() != 2 || v.dim(0) == 0 || v.dim(1) != width ||
      !is_floating(v.dtype())) {
    throw Error(fmt::format("discretized_ig: vocabulary {}; expected floating [V, {}]",
                            v.defined() ? v.spec().str() : "undefined", width),
                where);
  }
  if (options.steps < 1 || options.subdivisions < 1 || options.neighbours < 1) {
    throw Error(fmt::format("discretized_ig: {} steps of {} subdivisions, {} neighbours; expected "
                            "at least 1 of each",
                            options.steps, options.subdivisions, options.neighbours),
                where);
  }
  vocabulary_ = contiguous(cast(v.detach().to({}), DType::f32));
}

std::vector<std::int32_t> EmbeddingPaths::nearest(std::span<const float> to) const {
  const std::int64_t n = vocabulary_.dim(0);
  std::vector<double> distance(static_cast<std::size_t>(n));
  const auto measure = [&](std::int64_t i) {
    const auto e = entry(static_cast<std::int32_t>(i));
    double total = 0;
    for (std::size_t j = 0; j < width_; ++j) {
      const double d = static_cast<double>(e[j]) - static_cast<double>(to[j]);
      total += d * d;
    }
    distance[static_cast<std::size_t>(i)] = total;
  };
  parallel_ranges(
      n, n * static_cast<std::int64_t>(width_), 0,
      [](const void* context, kernels::Range range) {
        const auto& each = *static_cast<const decltype(measure)*>(context);
        for (std::int64_t i = range.begin; i < range.end; ++i) each(i);
      },
      &measure);
  std::vector<std::int32_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  // The embedding itself is the nearest one where it is in the vocabulary.
  const auto kept = std::min<std::ptrdiff_t>(o_.neighbours + 1, n);
  std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                    [&](std::int32_t a, std::int32_t b) {
                      const double x = distance[static_cast<std::size_t>(a)];
                      const double y = distance[static_cast<std::size_t>(b)];
                      return x < y || (x == y && a < b);
                    });
  order.resize(static_cast<std::size_t>(kept));
  if (std::ranges::equal(entry(order[0]), to)) {
    order.erase(order.begin());
  } else if (kept > o_.neighbours) {
    order.pop_back();
  }
  return order;
}

const std::vector<std::int32_t>& EmbeddingPaths::neighbours_of(std::int32_t anchor) {
  const auto found = known_.find(anchor);
  if (found != known_.end()) return found->second;
  return known_.emplace(anchor, nearest(entry(anchor))).first->second;
}

std::int32_t EmbeddingPaths::choose(const std::vector<std::int32_t>& candidates, const float* last,
                                    std::span<const float> token, std::span<const float> baseline,
                                    double share, const std::vector<std::int32_t>& used) const {
  std::int32_t best = -1;
  double least = std::numeric_limits<double>::infinity();
  for (const std::int32_t c : candidates) {
    const auto e = entry(c);
    if (std::ranges::equal(e, baseline) || std::ranges::equal(e, token) ||
        std::ranges::find(used, c) != used.end())
      continue;
    double cost = 0;
    for (std::size_t j = 0; j < width_; ++j) {
      if (o_.strategy == DiscretizedIgOptions::Strategy::max_count) {
        cost += is_between(e[j], last[j], baseline[j]) ? 0 : 1;
      } else {
        const double d = static_cast<double>(monotone(e[j], last[j], baseline[j], share)) -
                         static_cast<double>(e[j]);
        cost += d * d;
      }
    }
    if (cost < least) {
      least = cost;
      best = c;
    }
  }
  return best;
}

void EmbeddingPaths::write(std::span<const float> token, std::span<const float> baseline, float* to,
                           std::size_t stride) {
  std::ranges::copy(token, to);
  std::ranges::copy(baseline, to + static_cast<std::size_t>(o_.steps) * stride);
  if (std::ranges::equal(token, baseline)) {
    for (int k = 1; k < o_.steps; ++k) {
      std::ranges::copy(token, to + static_cast<std::size_t>(k) * stride);
    }
    return;
  }
  std::vector<std::int32_t> used, of_token;
  if (o_.steps > 1) of_token = nearest(token);
  for (int k = 1; k < o_.steps; ++k) {
    const float* const last = to + static_cast<std::size_t>(k - 1) * stride;
    float* const next = to + static_cast<std::size_t>(k) * stride;
    const double share = 1.0 / (o_.steps - k + 1);
    const auto& candidates = used.empty() ? of_token : neighbours_of(used.back());
    const std::int32_t chosen = choose(candidates, last, token, baseline, share, used);
    for (std::size_t j = 0; j < width_; ++j) {
      // Outside of the range unless an anchor was chosen.
      const float v = chosen < 0 ? std::numeric_limits<float>::quiet_NaN() : entry(chosen)[j];
      next[j] = monotone(v, last[j], baseline[j], share);
    }
    if (chosen >= 0) used.push_back(chosen);
  }
}

}  // namespace ingrad
