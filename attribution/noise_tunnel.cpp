// SPDX-License-Identifier: Apache-2.0
#include "attribution/noise_tunnel.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "attribution/moments.h"
#include "attribution/run.h"

namespace ingrad {
namespace {

using Statistic = NoiseTunnelOptions::Statistic;

std::string_view name_of(Statistic s) {
  constexpr std::string_view kNames[] = {"mean", "square", "variance", "population_variance"};
  return kNames[static_cast<std::size_t>(s)];
}

// Copies are numbered by sample, then by draw.
class Tunnel {
 public:
  Tunnel(const ModelFn& model, const Tensor& x, const Explainer& method,
         const NoiseTunnelOptions& o, const ExplainOptions& options, Location where)
      : model_(model),
        method_(method),
        o_(o),
        options_(options),
        run_("noise_tunnel", model, x, options, where),
        targets_(run_.result().targets),
        draws_(o.noise.sigma > 0 ? o.draws : 1) {
    run_.pool().release();
    copies_ = run_.samples() / run_.classes() * draws_;
    // A copy, and for every class its result and what the method keeps of it in double.
    copy_bytes_ = static_cast<std::int64_t>(run_.width()) * (4 + run_.classes() * 16);
    at_once_ = std::max<std::int64_t>(options.pool.max_rows, 1);
    const std::int64_t cap = options.pool.memory_bytes;
    if (cap > 0) at_once_ = std::clamp<std::int64_t>(cap / 32 / copy_bytes_, 1, at_once_);
    at_once_ = std::min(at_once_, copies_);
  }

  Attribution statistic() {
    for (std::int64_t first = 0; first < copies_; first += at_once_) {
      take(explained(first, std::min(at_once_, copies_ - first)), first);
    }
    run_.result().method = fmt::format("{} of {}", name_of(o_.statistic), name_);
    run_.result().seed = o_.seed;
    run_.result().steps.assign(static_cast<std::size_t>(run_.samples()), draws_);
    const Shape shape = shape_.with_inserted(0, run_.samples());
    const bool is_sample_variance = o_.statistic == Statistic::variance;
    if (!is_sample_variance && o_.statistic != Statistic::population_variance) {
      if (draws_ > 1) {
        run_.set_standard_error(moments_->error_of_mean(draws_), shape);
      } else if (!own_errors_.empty() && o_.statistic == Statistic::mean) {
        run_.set_standard_error(own_errors_, shape);
      }
      return run_.finish(moments_->mean(), false, shape);
    }
    if (draws_ == 1) {
      return run_.finish(std::vector<double>(moments_->mean().size()), false, shape);
    }
    run_.set_standard_error(moments_->error_of_variance(draws_), shape);
    return run_.finish(moments_->variance(draws_, is_sample_variance), false, shape);
  }

 private:
  Attribution explained(std::int64_t first, std::int64_t n) {
    const Tensor copies = Tensor::empty(run_.inputs().shape().with(0, n), DType::f32, run_.where());
    ExplainOptions inner = options_;
    inner.target = target_of(first, n);
    inner.contrast.clear();
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t sample = sample_of(first + i);
      const std::span<float> to{
          copies.mutable_data<float>() + static_cast<std::size_t>(i) * run_.width(), run_.width()};
      if (draws_ == 1 && o_.noise.sigma == 0) {
        std::ranges::copy(run_.row(sample), to.begin());
      } else {
        add_noise(run_.row(sample), o_.noise,
                  {o_.seed, kNoiseStream, run_.number_of(sample),
                   static_cast<std::uint64_t>((first + i) % draws_)},
                  to);
      }
      if (!run_.contrast().empty()) {
        inner.contrast.push_back(run_.contrast()[static_cast<std::size_t>(sample)]);
      }
    }
    inner.first_sample = options_.first_sample * draws_ + first;
    if (options_.pool.memory_bytes > 0) {
      inner.pool.memory_bytes =
          std::max<std::int64_t>(options_.pool.memory_bytes - at_once_ * copy_bytes_, 1);
    }
    if (options_.pool.progress) {
      // Every call has the same share per copy.
      inner.pool.progress = [this, first, n](std::int64_t done, std::int64_t of) {
        return options_.pool.progress(first * of + n * done, copies_ * of);
      };
    }
    Attribution a = method_(model_, copies.to(run_.device()), inner);
    if (!a.values.defined() || a.values.rank() < 2 || a.values.dim(0) != n) {
      throw Error(fmt::format("noise_tunnel: the method gave values {} for {} samples",
                              a.values.defined() ? a.values.spec().str() : "undefined", n),
                  run_.where());
    }
    return a;
  }

  // The first of the run's samples that a copy is of.
  std::int64_t sample_of(std::int64_t copy) const { return copy / draws_ * run_.classes(); }

  // The classes of the clean samples.
  Target target_of(std::int64_t first, std::int64_t n) const {
    const Target& given = options_.target;
    if (given.kind == Target::Kind::only || given.kind == Target::Kind::several) return given;
    std::vector<std::int64_t> each;
    for (std::int64_t i = first; i < first + n; ++i) {
      each.push_back(targets_[static_cast<std::size_t>(sample_of(i))]);
    }
    return Target::per_sample(std::move(each));
  }

  void take(const Attribution& a, std::int64_t first) {
    const std::int64_t classes = run_.classes(), results = a.values.dim(0) * classes;
    const std::vector<double> v = a.values.to({}).to_vector<double>();
    const std::size_t width = v.size() / static_cast<std::size_t>(results);
    if (!moments_) {
      moments_.emplace(
          static_cast<std::size_t>(run_.samples()) * width,
          o_.statistic == Statistic::variance || o_.statistic == Statistic::population_variance);
      shape_ = a.values.shape().without(0);
      if (classes > 1) shape_ = shape_.without(0);
      name_ = a.method;
    }
    if (draws_ == 1 && a.standard_error.defined()) {
      const auto e = a.standard_error.to({}).to_vector<double>();
      own_errors_.insert(own_errors_.end(), e.begin(), e.end());
    }
    std::vector<double> row(width);
    for (std::int64_t i = 0; i < results; ++i) {
      const std::int64_t copy = first + i / classes, sample = sample_of(copy) + i % classes;
      std::copy_n(v.begin() + i * static_cast<std::int64_t>(width), width, row.begin());
      if (o_.statistic == Statistic::square) {
        for (double& e : row) e *= e;
      }
      moments_->add(static_cast<std::size_t>(sample) * width, row,
                    static_cast<int>(copy % draws_) + 1);
    }
    PoolStats cost = a.cost;
    cost.peak_bytes += at_once_ * copy_bytes_;
    run_.add_cost(cost);
  }

  const ModelFn& model_;
  const Explainer& method_;
  const NoiseTunnelOptions& o_;
  const ExplainOptions& options_;
  ExplainRun run_;
  std::vector<std::int64_t> targets_;  // of the clean samples
  int draws_;
  std::int64_t copies_ = 0, at_once_ = 1, copy_bytes_ = 0;
  std::optional<Moments> moments_;
  Shape shape_;       // of the result for one sample and class
  std::string name_;  // of the method
  std::vector<double> own_errors_;
};

}  // namespace

Attribution explain_noise_tunnel(const ModelFn& model, const Tensor& x, const Explainer& method,
                                 const NoiseTunnelOptions& o, const ExplainOptions& options,
                                 Location where) {
  const int least = o.statistic == Statistic::variance ? 2 : 1;
  if (o.draws < least) {
    throw Error(fmt::format("noise_tunnel: {} draws for the {}; expected at least {}", o.draws,
                            name_of(o.statistic), least),
                where);
  }
  check_noise("noise_tunnel", o.noise, where);
  return Tunnel(model, x, method, o, options, where).statistic();
}

}  // namespace ingrad
