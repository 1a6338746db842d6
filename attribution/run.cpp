// SPDX-License-Identifier: Apache-2.0
#include "attribution/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

Tensor checked(const Tensor& x, Location where) {
  if (!x.defined() || x.rank() < 2 || x.dim(0) == 0 || x.size() == 0 || !is_floating(x.dtype())) {
    throw Error(
        fmt::format("explain: inputs {}; expected floating [samples, ...] with at least one "
                    "sample",
                    x.defined() ? x.spec().str() : "undefined"),
        where);
  }
  const Tensor dense = contiguous(cast(x.detach().to({}, where), DType::f32));
  const float* v = dense.data<float>();
  for (std::int64_t i = 0; i < dense.size(); ++i) {
    if (!std::isfinite(v[i])) {
      throw Error(fmt::format("explain: sample {} has {} at element {}", i / (x.size() / x.dim(0)),
                              v[i], i % (x.size() / x.dim(0))),
                  where);
    }
  }
  return dense;
}

}  // namespace

ExplainRun::ExplainRun(std::string method, const ModelFn& model, const Tensor& x,
                       const ExplainOptions& options, Location where)
    : x_(checked(x, where)),
      device_(x.device()),
      first_sample_(options.first_sample),
      where_(where),
      start_(std::chrono::steady_clock::now()) {
  result_.method = std::move(method);
  result_.scalar = options.scalar;
  // Targets are those of the unperturbed inputs, found in batches of the same size as all others.
  const std::int64_t n = samples();
  for (std::int64_t first = 0; first < n; first += options.pool.max_rows) {
    const std::int64_t last = std::min(n, first + std::max<std::int64_t>(options.pool.max_rows, 1));
    Target part = options.target;
    if (part.classes.size() > 1 && static_cast<std::int64_t>(part.classes.size()) == n) {
      part.classes.assign(options.target.classes.begin() + first,
                          options.target.classes.begin() + last);
    } else if (part.classes.size() > 1) {
      throw Error(fmt::format("explain: {} targets for {} samples; expected one or one per sample",
                              part.classes.size(), n),
                  where);
    }
    const Tensor rows = narrow(x_, 0, first, last - first).to(device_, where);
    const auto found = resolve_targets(part, model(rows).to({}, where), where);
    result_.targets.insert(result_.targets.end(), found.begin(), found.end());
  }
  PoolOptions there = options.pool;
  there.device = device_;
  pool_.emplace(model, x_.shape().without(0), options.scalar, result_.targets, options.contrast,
                std::move(there), where);
  result_.f.resize(static_cast<std::size_t>(n));
  pool_->values(
      items(1),
      [this](const WorkItem& w, std::span<float> to) {
        const auto from = row(w.sample);
        std::copy(from.begin(), from.end(), to.begin());
      },
      [this](const WorkItem& w, double f, std::span<const float>) {
        result_.f[static_cast<std::size_t>(w.sample)] = f;
      });
}

std::span<const float> ExplainRun::row(std::int64_t sample) const {
  return {x_.data<float>() + static_cast<std::size_t>(sample) * width(), width()};
}

std::vector<WorkItem> ExplainRun::items(std::int64_t variants) const {
  std::vector<WorkItem> all;
  for (std::int64_t s = 0; s < samples(); ++s) {
    for (std::int64_t v = 0; v < variants; ++v) all.push_back({s, v});
  }
  return all;
}

void ExplainRun::add_cost(const PoolStats& cost) {
  PoolStats& all = result_.cost;
  all.forward_rows += cost.forward_rows;
  all.gradient_rows += cost.gradient_rows;
  all.batch_rows = std::max(all.batch_rows, cost.batch_rows);
  all.peak_bytes = std::max(all.peak_bytes, cost.peak_bytes);
}

Attribution ExplainRun::finish(const std::vector<double>& values, bool complete,
                               const Shape& shape) {
  const Tensor out = Tensor::empty(shape, DType::f32);
  const std::size_t row = values.size() / result_.f.size();
  std::transform(values.begin(), values.end(), out.mutable_data<float>(),
                 [](double v) { return static_cast<float>(v); });
  result_.values = out.to(device_);
  if (result_.standard_error.defined()) {
    result_.standard_error = result_.standard_error.to(device_);
  }
  if (complete) {
    for (std::size_t s = 0; s < result_.f.size(); ++s) {
      double sum = 0;
      for (std::size_t i = 0; i < row; ++i) sum += values[s * row + i];
      const double difference = result_.f[s] - result_.f_baseline[s];
      result_.delta.push_back(sum - difference);
      result_.relative_delta.push_back(std::abs(result_.delta.back()) /
                                       std::max(std::abs(difference), 1e-12));
    }
  }
  add_cost(pool_->stats());
  const auto elapsed = std::chrono::steady_clock::now() - start_;
  result_.seconds = std::chrono::duration<double>(elapsed).count();
  return std::move(result_);
}

}  // namespace ingrad
