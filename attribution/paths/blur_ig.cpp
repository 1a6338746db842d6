// SPDX-License-Identifier: Apache-2.0
#include "attribution/paths/blur_ig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/run.h"

namespace ingrad {
namespace {

std::vector<double> path_of(const BlurIgOptions& o) {
  std::vector<double> sigmas;
  for (int i = 0; i <= o.steps; ++i) {
    const double share = static_cast<double>(i) / o.steps;
    sigmas.push_back(o.max_sigma *
                     (o.spacing == BlurIgOptions::Spacing::sqrt ? std::sqrt(share) : share));
  }
  return sigmas;
}

}  // namespace

Attribution explain_blur_ig(const ModelFn& model, const Tensor& x, const BlurIgOptions& o,
                            const ExplainOptions& options, Location where) {
  if (o.steps < 1 || !(o.max_sigma > 0 && std::isfinite(o.max_sigma)) ||
      !(o.derivative_step >= 0 && std::isfinite(o.derivative_step))) {
    throw Error(fmt::format("blur_ig: {} steps to sigma {}, differences over {}; expected at least "
                            "1 step, a positive sigma and a difference of at least 0",
                            o.steps, o.max_sigma, o.derivative_step),
                where);
  }
  ExplainRun run("blur_ig", model, x, options, where);
  const Shape row = run.inputs().shape().without(0);
  check_pictures("blur_ig", row, where);
  const std::vector<double> sigmas = path_of(o);
  const auto blurred = [&](std::int64_t sample, double sigma) {
    return gaussian_blur(run.row(sample), row, sigma, o.edge);
  };
  const auto write = [](const std::vector<double>& from, std::span<float> to) {
    std::ranges::transform(from, to.begin(), [](double v) { return static_cast<float>(v); });
  };
  run.result().f_baseline.resize(static_cast<std::size_t>(run.samples()));
  run.pool().values(
      run.items(1),
      [&](const WorkItem& w, std::span<float> to) { write(blurred(w.sample, o.max_sigma), to); },
      [&](const WorkItem& w, double value, std::span<const float>) {
        run.result().f_baseline[static_cast<std::size_t>(w.sample)] = value;
      });
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  run.pool().gradients(
      run.items(o.steps),
      [&](const WorkItem& w, std::span<float> to) {
        write(blurred(w.sample, sigmas[static_cast<std::size_t>(w.variant)]), to);
      },
      [&](const WorkItem& w, double, std::span<const float> grad) {
        const auto k = static_cast<std::size_t>(w.variant);
        const double step = sigmas[k + 1] - sigmas[k];
        const double over = o.derivative_step > 0 ? o.derivative_step : step;
        const std::vector<double> here = blurred(w.sample, sigmas[k]);
        const std::vector<double> further = blurred(w.sample, sigmas[k] + over);
        double* const to = values.data() + static_cast<std::size_t>(w.sample) * run.width();
        for (std::size_t i = 0; i < grad.size(); ++i) {
          to[i] -= step / over * static_cast<double>(grad[i]) * (further[i] - here[i]);
        }
      });
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), o.steps);
  return run.finish(values, true);
}

}  // namespace ingrad
