// SPDX-License-Identifier: Apache-2.0
// LIME: a linear model that imitates f near a sample, and whose coefficients are the attribution.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/perturbation/features.h"

namespace ingrad {

struct LimeOptions {
  std::optional<Features> features = {};  // unset: every element
  std::vector<Tensor> baselines = {};     // what absent features become; several: the mean of f
  int samples = 1000;                     // LIME for pictures: 1000, for tables 5000; Captum: 50
  // Weight of a draw: exp(-d^2 / (2 width^2)), d its distance from the sample in terms of which
  // features are present (1 for each): cosine distance (LIME for pictures and texts; 1 where none
  // is), or Euclidean distance over the square root of the number of features.
  enum class Distance : std::uint8_t { cosine, euclidean } distance = Distance::cosine;
  double width = 0.25;
  double ridge = 1;  // of sum w (v - b - z c)^2 + ridge |c|^2
  double lasso = 0;  // instead, if positive, as Captum (0.01); see linear_fit.h
  std::uint64_t seed = 1;
};
// Ribeiro et al. 2016: features present with probability 1/2 each, a weighted fit with a free
// intercept. Result: coefficients (every element gets its feature's), standard errors over draws,
// R^2 of the fit.
Attribution explain_lime(const ModelFn& model, const Tensor& x, const LimeOptions& method = {},
                         const ExplainOptions& options = {}, Location where = Location::current());

struct ContinuousLimeOptions {
  int samples = 0;      // 0: 4 times the elements of a sample, at least 1000
  double sigma = 0.1;   // standard deviation of the noise on every element
  double ridge = 1e-3;  // relative to samples sigma^2
  std::uint64_t seed = 1;
};
// C-LIME (Agarwal et al. 2021): a linear fit to f at x + sigma z, z standard normal, all draws
// weighing the same; without ridge it tends to SmoothGrad. Result: coefficients, as LIME.
Attribution explain_continuous_lime(const ModelFn& model, const Tensor& x,
                                    const ContinuousLimeOptions& method = {},
                                    const ExplainOptions& options = {},
                                    Location where = Location::current());

}  // namespace ingrad
