// SPDX-License-Identifier: Apache-2.0
// Explainers by gradients. Each is one call on a batch of samples; all run on the evaluation pool
// (attribution/pool.h), so that results do not depend on batch size, threads or order.
#pragma once

#include <cstdint>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/quadrature.h"

namespace ingrad {

// df/dx (Simonyan et al., "Deep Inside Convolutional Networks", 2013), signed.
Attribution explain_gradient(const ModelFn& model, const Tensor& x,
                             const ExplainOptions& options = {},
                             Location where = Location::current());
// x df/dx.
Attribution explain_gradient_times_input(const ModelFn& model, const Tensor& x,
                                         const ExplainOptions& options = {},
                                         Location where = Location::current());

struct SmoothGradOptions {
  int draws = 50;  // Captum: 5
  // Standard deviation of the noise: absolute, or relative to the range (max - min) of the sample.
  double sigma = 0.15;  // Captum: 1, absolute
  bool relative_sigma = true;
  enum class Statistic : std::uint8_t {
    mean,      // SmoothGrad (Smilkov et al. 2017)
    square,    // mean of squares
    variance,  // VarGrad: the sample variance, divisor draws - 1
  } statistic = Statistic::mean;
  bool multiply_by_input = false;  // by the clean input
  std::uint64_t seed = 1;
};
// The statistic of the gradient at x + sigma z, z standard normal by counter: draw d of sample i
// does not depend on the other samples. Sums are kept in double by Welford's method.
Attribution explain_smooth_grad(const ModelFn& model, const Tensor& x,
                                const SmoothGradOptions& method, const ExplainOptions& options = {},
                                Location where = Location::current());

struct IntegratedGradientsOptions {
  QuadratureRule rule = QuadratureRule::gauss_legendre;  // as Captum
  int steps = 50;                                        // as Captum
  // Adaptive: midpoint rules of 1, 3, 9, ... nodes, each containing the last, until |delta| <=
  // tolerance |f(x) - f(x')| and the attribution changes by less than the tolerance relative to its
  // L1 norm, or the next rule would exceed max_steps. Finished samples leave the pool.
  bool adaptive = false;
  double tolerance = 1e-3;
  int max_steps = 729;
  // Each baseline broadcasts to the samples ([...], [1, ...] or [N, ...], or rank 0); the result is
  // the mean over them. Empty: zero.
  std::vector<Tensor> baselines = {};
  bool multiply_by_inputs = true;  // false: the mean gradient, without completeness
};
// Integrated Gradients (Sundararajan et al. 2017): (x - x') times the integral of the gradient
// along the straight path from x' to x. An affine beginning of the model
// (attribution/affine_prefix.h) is computed once per path, not once per step; steps and rows of the
// result count as without it.
Attribution explain_integrated_gradients(const ModelFn& model, const Tensor& x,
                                         const IntegratedGradientsOptions& method = {},
                                         const ExplainOptions& options = {},
                                         Location where = Location::current());

}  // namespace ingrad
