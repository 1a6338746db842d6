// SPDX-License-Identifier: Apache-2.0
// Expected Gradients: Integrated Gradients over a distribution of baselines, by sampling.
#pragma once

#include <cstdint>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/noise.h"

namespace ingrad {

struct ExpectedGradientsOptions {
  // The distribution: each broadcasts to the samples ([...], [1, ...], [N, ...] or rank 0). Empty:
  // zero alone.
  std::vector<Tensor> baselines = {};
  int draws = 200;  // per sample; SHAP 200, Captum 5
  // Place k on the path is uniform in [k / draws, (k + 1) / draws), not in [0, 1): the same mean,
  // and much less variance. Captum and SHAP: false.
  bool stratified = true;
  // Where `draws` is a multiple of the number of baselines, each is used equally often, with places
  // spread over the whole path; otherwise (and in Captum and SHAP) they are drawn with replacement.
  bool enumerated = true;
  // Added to x in every draw, as in Captum's GradientSHAP (its `stdevs`: absolute).
  NoiseOptions noise = {.sigma = 0, .relative_sigma = false};
  bool multiply_by_inputs = true;  // false: the mean gradient, without completeness
  std::uint64_t seed = 1;
};

// The mean of (x - x') df/dx at x' + u (x - x'), u uniform in [0, 1) and x' from the baselines
// (Erion et al. 2021); with noise, x + noise in place of x (GradientSHAP, Lundberg et al.).
// Complete in the mean: sum = f(x) - E f(x'); `delta` is the error of sampling, and there is none
// with noise. f_baseline: the mean over the baselines that were used. Standard errors are by
// differences of draws next to each other (of the same baseline, where each has several): right for
// independent draws, and too large for stratified ones, as far as the integrand changes from one
// to the next. NaN for one draw. Cost: G = draws, F = 1 + the number of baselines (at most draws).
Attribution explain_expected_gradients(const ModelFn& model, const Tensor& x,
                                       const ExpectedGradientsOptions& method = {},
                                       const ExplainOptions& options = {},
                                       Location where = Location::current());

}  // namespace ingrad
