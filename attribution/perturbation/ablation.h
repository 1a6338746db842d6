// SPDX-License-Identifier: Apache-2.0
// Explainers that take something away and look at how far f falls.
#pragma once

#include <optional>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/perturbation/features.h"

namespace ingrad {

struct FeatureAblationOptions {
  std::optional<Features> features = {};  // unset: every element
  std::vector<Tensor> baselines = {};     // as for Integrated Gradients; several: the mean
};
// f(x) minus f with one feature at the baseline (as Captum's FeatureAblation). Every element of a
// feature gets the feature's value. Evaluates each sample features x baselines times.
Attribution explain_feature_ablation(const ModelFn& model, const Tensor& x,
                                     const FeatureAblationOptions& method = {},
                                     const ExplainOptions& options = {},
                                     Location where = Location::current());

struct OcclusionOptions {
  // Extents of the window along the last axes of a sample; axes before them are covered whole.
  // {4, 4} is 4 x 4 points in all channels.
  std::vector<std::int64_t> window = {4, 4};
  std::vector<std::int64_t> stride = {};  // at most the window; empty: the window
  std::vector<Tensor> baselines = {};
};
// f(x) minus f with the window at the baseline, for every place of the window: 0, stride, ...; the
// last one along an axis is cut at the edge (as Captum's Occlusion). An element gets the mean over
// the windows that cover it. Error when the window does not fit or strides leave gaps.
Attribution explain_occlusion(const ModelFn& model, const Tensor& x,
                              const OcclusionOptions& method = {},
                              const ExplainOptions& options = {},
                              Location where = Location::current());

struct FeaturePermutationOptions {
  std::optional<Features> features = {};  // one assignment for all samples; unset: every element
  int permutations = 10;                  // Captum: 1
  std::uint64_t seed = 1;
};
// f(x) minus f with a feature taken from another sample, by random permutations of the samples
// (Breiman 2001; Fisher et al. 2019), the mean over permutations with its standard error. The mean
// over samples is the importance of the feature for the data. Depends on all samples of the call.
// Error with fewer than two.
Attribution explain_feature_permutation(const ModelFn& model, const Tensor& x,
                                        const FeaturePermutationOptions& method = {},
                                        const ExplainOptions& options = {},
                                        Location where = Location::current());

}  // namespace ingrad
