// SPDX-License-Identifier: Apache-2.0
#include "attribution/baseline_set.h"

#include <algorithm>

#include "attribution/baselines.h"
#include "engine/device.h"
#include "engine/ops/slice.h"

namespace ingrad {

BaselineSet::BaselineSet(const ExplainRun& run, const std::vector<Tensor>& baselines)
    : classes_(run.classes()), width_(run.width()) {
  const std::int64_t n = run.samples() / run.classes();
  const Shape all = run.inputs().shape().with(0, n), one = all.with(0, 1);
  const DeviceScope here(Device{});
  const Tensor samples = Tensor::empty(all, DType::f32), sample = narrow(samples, 0, 0, 1);
  for (const Tensor& given : baselines) {
    const bool is_each = given.defined() && given.rank() == all.rank() && given.dim(0) > 1;
    sets_.push_back(
        baseline_rows(run.method(), {given}, is_each ? samples : sample, run.where())[0]);
  }
  if (sets_.empty()) sets_.push_back(Tensor::zeros(one));
}

std::span<const float> BaselineSet::row(std::int64_t baseline, std::int64_t sample) const {
  const Tensor& set = sets_[static_cast<std::size_t>(baseline)];
  const std::int64_t at = set.dim(0) == 1 ? 0 : sample / classes_;
  return {set.data<float>() + static_cast<std::size_t>(at) * width_, width_};
}

std::vector<double> mean_at_baselines(
    ExplainRun& run, const BaselineSet& baselines, std::int64_t each,
    const std::function<std::int64_t(std::int64_t sample, std::int64_t k)>& of) {
  std::vector<double> f(static_cast<std::size_t>(run.samples()));
  run.pool().values(
      run.items(each),
      [&](const WorkItem& w, std::span<float> to) {
        std::ranges::copy(baselines.row(of(w.sample, w.variant), w.sample), to.begin());
      },
      [&](const WorkItem& w, double value, std::span<const float>) {
        f[static_cast<std::size_t>(w.sample)] += value / static_cast<double>(each);
      });
  return f;
}

std::vector<double> mean_at_baselines(ExplainRun& run, const BaselineSet& baselines) {
  return mean_at_baselines(run, baselines, baselines.count(),
                           [](std::int64_t, std::int64_t k) { return k; });
}

}  // namespace ingrad
