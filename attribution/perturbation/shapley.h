// SPDX-License-Identifier: Apache-2.0
// Shapley values of the game of features (attribution/perturbation/game.h): exact, by permutations,
// by weighted least squares, and for a hierarchy of features. All are complete: values of features
// add up to f(x) - f(x'). Every element of a feature gets the feature's whole value, as in Captum;
// `delta` is over features.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/perturbation/features.h"

namespace ingrad {

struct ShapleyOptions {
  std::optional<Features> features = {};  // unset: every element
  std::vector<Tensor> baselines = {};     // several: interventional values, the mean over them
};
// sum over coalitions S without i of |S|! (M - |S| - 1)! / M! (v(S + i) - v(S)). Evaluates each
// sample 2^M times; Error with more than 16 features.
Attribution explain_shapley(const ModelFn& model, const Tensor& x,
                            const ShapleyOptions& method = {}, const ExplainOptions& options = {},
                            Location where = Location::current());

struct ShapleySamplingOptions {
  std::optional<Features> features = {};
  std::vector<Tensor> baselines = {};
  // Random orders in which features enter, and as many reversed ones (Castro et al. 2009;
  // antithetic pairs: Mitchell et al. 2022). Captum: 25 orders, without their reverses.
  int pairs = 13;
  std::uint64_t seed = 1;
};
// The mean increase of v when a feature enters; complete for every order. Standard errors are over
// pairs, NaN with one.
Attribution explain_shapley_sampling(const ModelFn& model, const Tensor& x,
                                     const ShapleySamplingOptions& method = {},
                                     const ExplainOptions& options = {},
                                     Location where = Location::current());

struct KernelShapOptions {
  std::optional<Features> features = {};
  std::vector<Tensor> baselines = {};
  // Coalitions evaluated beside the empty and the full one; 0: 2 M + 2048 (as SHAP), or all when
  // there are fewer. Captum: 25, with the constraint as a large weight.
  int samples = 0;
  bool logit_link = false;  // explains log(v / (1 - v)); for the scalar `prob`
  std::uint64_t seed = 1;
};
// Lundberg & Lee 2017: the additive game nearest to v in the Shapley kernel's norm that meets v at
// the empty and at the full coalition. Sizes of coalitions are enumerated from both ends as far as
// the budget goes; the remaining ones are drawn in complementary pairs. With all of them it is
// exact. Standard errors are those of the least squares (sandwich estimate over pairs): 0 when all
// are enumerated, NaN with one drawn pair.
Attribution explain_kernel_shap(const ModelFn& model, const Tensor& x,
                                const KernelShapOptions& method = {},
                                const ExplainOptions& options = {},
                                Location where = Location::current());

struct OwenOptions {
  std::optional<Features> features = {};
  // Groups of features that enter together (a partition): the group of every feature, numbers in
  // any order; the same for all samples.
  std::vector<std::int64_t> groups = {};
  std::vector<Tensor> baselines = {};
};
// Owen 1977: Shapley values among the groups, each group's shared among its features likewise,
// while other groups are present or absent as a whole. Evaluates each sample 2^G times the sum over
// groups of 2^(size - 1); Error when groups or the features of one are more than 12.
Attribution explain_owen(const ModelFn& model, const Tensor& x, const OwenOptions& method,
                         const ExplainOptions& options = {}, Location where = Location::current());

}  // namespace ingrad
