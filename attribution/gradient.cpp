// SPDX-License-Identifier: Apache-2.0
// Gradient, gradient times input, SmoothGrad.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/explain.h"
#include "attribution/run.h"
#include "engine/random.h"

namespace ingrad {
namespace {

// Random numbers of explainers are apart from those of initialisation, data and dropout.
constexpr std::uint64_t kNoiseStream = 0x736d6f6f7468;  // "smooth"

Attribution plain(std::string name, bool times_input, const ModelFn& model, const Tensor& x,
                  const ExplainOptions& options, Location where) {
  ExplainRun run(std::move(name), model, x, options, where);
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  run.pool().gradients(
      run.items(1),
      [&](const WorkItem& w, std::span<float> to) {
        const auto from = run.row(w.sample);
        std::copy(from.begin(), from.end(), to.begin());
      },
      [&](const WorkItem& w, double, std::span<const float> grad) {
        const auto from = run.row(w.sample);
        double* to = values.data() + static_cast<std::size_t>(w.sample) * run.width();
        for (std::size_t i = 0; i < grad.size(); ++i) {
          to[i] = static_cast<double>(grad[i]) * (times_input ? static_cast<double>(from[i]) : 1.0);
        }
      });
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), 1);
  return run.finish(values, false);
}

// Running mean and sum of squared deviations, and the mean of squares.
struct Moments {
  std::vector<double> mean, deviation, square;
  explicit Moments(std::size_t n) : mean(n), deviation(n), square(n) {}

  void add(std::size_t at, std::span<const float> v, int count) {
    for (std::size_t i = 0; i < v.size(); ++i) {
      const double x = static_cast<double>(v[i]);
      const double before = x - mean[at + i];
      mean[at + i] += before / count;
      deviation[at + i] += before * (x - mean[at + i]);
      square[at + i] += (x * x - square[at + i]) / count;
    }
  }
};

double noise_scale(const SmoothGradOptions& o, std::span<const float> row) {
  if (!o.relative_sigma) return o.sigma;
  const auto [low, high] = std::minmax_element(row.begin(), row.end());
  return o.sigma * (static_cast<double>(*high) - static_cast<double>(*low));
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
  run.pool().gradients(
      run.items(o.draws),
      [&](const WorkItem& w, std::span<float> to) {
        const auto from = run.row(w.sample);
        const RandomKey key{o.seed, kNoiseStream, run.number_of(w.sample),
                            static_cast<std::uint64_t>(w.variant)};
        const Tensor noise = random_normal({1, static_cast<std::int64_t>(width)}, key);
        const float* z = noise.data<float>();
        const auto sigma = static_cast<float>(noise_scale(o, from));
        for (std::size_t i = 0; i < width; ++i) to[i] = from[i] + sigma * z[i];
      },
      [&](const WorkItem& w, double, std::span<const float> grad) {
        moments.add(static_cast<std::size_t>(w.sample) * width, grad,
                    static_cast<int>(w.variant) + 1);
      });
  std::vector<double>& values = o.statistic == Statistic::mean     ? moments.mean
                                : o.statistic == Statistic::square ? moments.square
                                                                   : moments.deviation;
  if (o.statistic == Statistic::variance) {
    for (double& v : values) v /= o.draws - 1;
  }
  if (o.statistic == Statistic::mean && o.draws > 1) {
    std::vector<double> error;
    for (const double d : moments.deviation) {
      error.push_back(std::sqrt(d / (o.draws - 1) / static_cast<double>(o.draws)));
    }
    run.set_standard_error(error);
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
