// SPDX-License-Identifier: Apache-2.0
#include "attribution/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/pad.h"
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
      contrast_(options.contrast),
      where_(where),
      start_(std::chrono::steady_clock::now()) {
  result_.method = std::move(method);
  result_.scalar = options.scalar;
  resolve(model, options);
  PoolOptions there = options.pool;
  there.device = device_;
  pool_.emplace(model, x_.shape().without(0), options.scalar, result_.targets, contrast_,
                std::move(there), where, classes_);
  result_.f.resize(static_cast<std::size_t>(samples()));
  pool_->values(items(1), unchanged(), [this](const WorkItem& w, double f, std::span<const float>) {
    result_.f[static_cast<std::size_t>(w.sample)] = f;
  });
}

// Targets are those of the unperturbed inputs, found in batches of the same size as all others.
void ExplainRun::resolve(const ModelFn& model, const ExplainOptions& options) {
  const std::int64_t n = samples();
  const bool is_one_each = options.target.kind == Target::Kind::given &&
                           static_cast<std::int64_t>(options.target.classes.size()) == n;
  if (options.target.kind == Target::Kind::given && options.target.classes.size() > 1 &&
      !is_one_each) {
    throw Error(fmt::format("explain: {} targets for {} samples; expected one or one per sample",
                            options.target.classes.size(), n),
                where_);
  }
  for (std::int64_t first = 0; first < n; first += options.pool.max_rows) {
    const std::int64_t last = std::min(n, first + std::max<std::int64_t>(options.pool.max_rows, 1));
    Target part = options.target;
    if (is_one_each) {
      part.classes.assign(options.target.classes.begin() + first,
                          options.target.classes.begin() + last);
    }
    const Tensor rows = narrow(x_, 0, first, last - first).to(device_, where_);
    const auto found = resolve_targets(part, model(rows).to({}, where_), where_);
    result_.targets.insert(result_.targets.end(), found.begin(), found.end());
  }
  classes_ = static_cast<std::int64_t>(result_.targets.size()) / n;
  if (classes_ == 1) return;
  x_ = contiguous(repeat_interleave(x_, classes_, 0));
  if (!contrast_.empty()) {
    contrast_ =
        repeat_interleave(Tensor::from(contrast_, {n}), classes_, 0).to_vector<std::int64_t>();
  }
}

std::span<const float> ExplainRun::row(std::int64_t sample) const {
  return {x_.data<float>() + static_cast<std::size_t>(sample) * width(), width()};
}

Pool::Make ExplainRun::unchanged() const {
  return [this](const WorkItem& w, std::span<float> to) {
    const auto from = row(w.sample);
    std::copy(from.begin(), from.end(), to.begin());
  };
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

Tensor ExplainRun::result_of(const std::vector<double>& values, const Shape& shape) const {
  Shape out = shape;
  if (classes_ > 1) {
    out = shape.with(0, shape[0] / classes_).with_inserted(1, classes_);
  }
  const Tensor t = Tensor::empty(out, DType::f32);
  std::transform(values.begin(), values.end(), t.mutable_data<float>(),
                 [](double v) { return static_cast<float>(v); });
  return t.to(device_);
}

void ExplainRun::set_standard_error(const std::vector<double>& values, const Shape& shape) {
  result_.standard_error = result_of(values, shape);
}

Attribution ExplainRun::finish(const std::vector<double>& values, bool complete,
                               const Shape& shape) {
  const std::size_t row = values.size() / result_.f.size();
  result_.values = result_of(values, shape);
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
