// SPDX-License-Identifier: Apache-2.0
// Gradient, gradient times input, SmoothGrad.
#include <fmt/format.h>

#include <algorithm>

#include "attribution/explain.h"
#include "attribution/moments.h"
#include "attribution/noise.h"
#include "attribution/run.h"

namespace ingrad {
namespace {

Attribution plain(std::string name, bool times_input, const ModelFn& model, const Tensor& x,
                  const ExplainOptions& options, Location where) {
  ExplainRun run(std::move(name), model, x, options, where);
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  run.pool().gradients(
      run.items(1), run.unchanged(), [&](const WorkItem& w, double, std::span<const float> grad) {
        const auto from = run.row(w.sample);
        double* to = values.data() + static_cast<std::size_t>(w.sample) * run.width();
        for (std::size_t i = 0; i < grad.size(); ++i) {
          to[i] = static_cast<double>(grad[i]) * (times_input ? static_cast<double>(from[i]) : 1.0);
        }
      });
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), 1);
  return run.finish(values, false);
}

}  // namespace

Attribution explain_gradient(const ModelFn& model, const Tensor& x, const ExplainOptions& options,
                             Location where) {
  return plain("gradient", false, model, x, options, where);
}

Attribution explain_gradient_times_input(const ModelFn& model, const Tensor& x,
                                         const ExplainOptions& options, Location where) {
  return plain("gradient_times_input", true, model, x, options, where);
}

Attribution explain_smooth_grad(const ModelFn& model, const Tensor& x, const SmoothGradOptions& o,
                                const ExplainOptions& options, Location where) {
  using Statistic = SmoothGradOptions::Statistic;
  const int least = o.statistic == Statistic::variance ? 2 : 1;
  if (o.draws < least || !(o.sigma >= 0)) {
    throw Error(
        fmt::format("smooth_grad: {} draws with sigma {}; expected at least {} and sigma of "
                    "at least 0",
                    o.draws, o.sigma, least),
        where);
  }
  const char* names[] = {"smooth_grad", "smooth_grad_square", "var_grad"};
  ExplainRun run(names[static_cast<std::size_t>(o.statistic)], model, x, options, where);
  const std::size_t width = run.width();
  Moments moments(static_cast<std::size_t>(run.samples()) * width);
  std::vector<double> square;
  run.pool().gradients(
      run.items(o.draws),
      [&](const WorkItem& w, std::span<float> to) {
        add_noise(
            run.row(w.sample), {.sigma = o.sigma, .relative_sigma = o.relative_sigma},
            {o.seed, kNoiseStream, run.number_of(w.sample), static_cast<std::uint64_t>(w.variant)},
            to);
      },
      [&](const WorkItem& w, double, std::span<const float> grad) {
        const std::size_t at = static_cast<std::size_t>(w.sample) * width;
        const int count = static_cast<int>(w.variant) + 1;
        if (o.statistic != Statistic::square) return moments.add(at, grad, count);
        square.assign(grad.begin(), grad.end());
        for (double& v : square) v *= v;
        moments.add(at, square, count);
      });
  std::vector<double> values =
      o.statistic == Statistic::variance ? moments.variance(o.draws) : moments.mean();
  if (o.statistic == Statistic::mean && o.draws > 1) {
    run.set_standard_error(moments.error_of_mean(o.draws));
  }
  if (o.multiply_by_input) {
    for (std::int64_t s = 0; s < run.samples(); ++s) {
      const auto from = run.row(s);
      for (std::size_t i = 0; i < width; ++i) {
        values[static_cast<std::size_t>(s) * width + i] *= static_cast<double>(from[i]);
      }
    }
  }
  run.result().seed = o.seed;
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), o.draws);
  return run.finish(values, false);
}

}  // namespace ingrad
