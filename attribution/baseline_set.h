// SPDX-License-Identifier: Apache-2.0
// The baselines of a run, kept as they were given: a distribution of many rows is not copied for
// every sample.
#pragma once

#include <span>
#include <vector>

#include "attribution/run.h"

namespace ingrad {

class BaselineSet {
 public:
  // Each baseline broadcasts to the samples ([...], [1, ...], [N, ...] or rank 0); none: zero.
  // Error, naming the method, when one does not.
  BaselineSet(const ExplainRun& run, const std::vector<Tensor>& baselines);

  std::int64_t count() const { return static_cast<std::int64_t>(sets_.size()); }
  std::span<const float> row(std::int64_t baseline, std::int64_t sample) const;

 private:
  std::vector<Tensor> sets_;  // [1, ...] or [N, ...]
  std::int64_t classes_;
  std::size_t width_;
};

// f at the baselines `of(sample, k)`, k below `each`: their means, one per sample of the run.
std::vector<double> mean_at_baselines(
    ExplainRun& run, const BaselineSet& baselines, std::int64_t each,
    const std::function<std::int64_t(std::int64_t sample, std::int64_t k)>& of);
// At all of them.
std::vector<double> mean_at_baselines(ExplainRun& run, const BaselineSet& baselines);

}  // namespace ingrad
