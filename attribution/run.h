// SPDX-License-Identifier: Apache-2.0
// What the explainers share: checked inputs, resolved targets, clocks, completeness.
#pragma once

#include <chrono>
#include <optional>

#include "attribution/attribution.h"

namespace ingrad {

class ExplainRun {
 public:
  // The model is where the samples are, and so will be the result; everything in between is on the
  // CPU. Checks the samples ([N, ...] floating with N > 0 and without NaN; converted to f32),
  // resolves the targets at the unperturbed inputs, and evaluates f there.
  ExplainRun(std::string method, const ModelFn& model, const Tensor& x,
             const ExplainOptions& options, Location where);

  // With several classes per sample (Target::several), each sample stands here once for each of
  // them, one after the other, and so does everything below.
  const Tensor& inputs() const { return x_; }  // [N, ...], f32, dense, on the CPU
  Device device() const { return device_; }    // of the model
  std::int64_t samples() const { return x_.dim(0); }
  std::int64_t classes() const { return classes_; }  // per sample that was given
  const std::vector<std::int64_t>& contrast() const { return contrast_; }  // one per sample or none
  std::size_t width() const { return static_cast<std::size_t>(x_.size() / x_.dim(0)); }
  std::span<const float> row(std::int64_t sample) const;
  // By which random numbers are keyed: that of the sample among all that are explained.
  std::uint64_t number_of(std::int64_t sample) const {
    return static_cast<std::uint64_t>(first_sample_ + sample / classes_);
  }
  Pool& pool() { return *pool_; }
  Attribution& result() { return result_; }
  const std::string& method() const { return result_.method; }
  // The cost of another pool that the method ran.
  void add_cost(const PoolStats& cost);
  const Location& where() const { return where_; }

  // For items whose row is the sample itself.
  Pool::Make unchanged() const;
  // Samples [0, N) with variants [0, variants).
  std::vector<WorkItem> items(std::int64_t variants) const;
  void set_standard_error(const std::vector<double>& values, const Shape& shape);
  void set_standard_error(const std::vector<double>& values) {
    set_standard_error(values, x_.shape());
  }
  // Sets values (and deltas, given the baseline values of f) and closes the books. `shape`: that of
  // the result, [N, ...], where it is not that of the inputs.
  Attribution finish(const std::vector<double>& values, bool complete, const Shape& shape);
  Attribution finish(const std::vector<double>& values, bool complete) {
    return finish(values, complete, x_.shape());
  }

 private:
  void resolve(const ModelFn& model, const ExplainOptions& options);
  Tensor result_of(const std::vector<double>& values, const Shape& shape) const;

  Tensor x_;
  Device device_;
  std::int64_t first_sample_, classes_ = 1;
  std::vector<std::int64_t> contrast_;
  std::optional<Pool> pool_;
  Attribution result_;
  Location where_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace ingrad
