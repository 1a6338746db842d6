// SPDX-License-Identifier: Apache-2.0
// Explainers that change the sample and look at what becomes of f.
#include <algorithm>

#include "attribution/perturbation/ablation.h"
#include "attribution/perturbation/lime.h"
#include "attribution/perturbation/masks.h"
#include "attribution/perturbation/shapley.h"
#include "tools/methods/families.h"

namespace ingrad::tools {
namespace {

// Cells of pictures, elements of everything else.
Features features(const Tensor& x, const MethodSettings& s) {
  const Shape row = x.shape().without(0);
  if (row.rank() != 3) return Features::elements(row);
  const std::int64_t cells = s.cells > 0 ? s.cells : 7;
  const auto size = [cells](std::int64_t extent) { return (extent + cells - 1) / cells; };
  return Features::grid(row, size(row[1]), size(row[2]));
}

std::int64_t grid_cells(const Tensor& x, std::int64_t cells) {
  return x.rank() == 4 ? std::min({cells, x.dim(2), x.dim(3)}) : cells;
}

Attribution occlusion(const ModelFn& model, const Tensor& x, const MethodSettings& s,
                      const ExplainOptions& options) {
  OcclusionOptions o{.baselines = s.baselines};
  const Shape row = x.shape().without(0);
  if (row.rank() == 3) {
    o.window = {std::max<std::int64_t>(row[1] / 7, 1), std::max<std::int64_t>(row[2] / 7, 1)};
  } else {
    o.window = {1};
  }
  for (const std::int64_t extent : o.window) {
    o.stride.push_back(std::max<std::int64_t>(extent / 2, 1));
  }
  return explain_occlusion(model, x, o, options);
}

}  // namespace

std::vector<Method> perturbation_methods() {
  const std::string family = "perturbation";
  using M = const ModelFn&;
  using T = const Tensor&;
  using S = const MethodSettings&;
  using O = const ExplainOptions&;
  return {
      {.name = "feature_ablation",
       .title = "Feature ablation",
       .family = family,
       .doc = "How far the output falls when a feature takes its baseline's value",
       .when = "When each feature on its own is the question, for any model",
       .cost = "B M F",
       .axioms = "linearity, dummy, implementation invariance",
       .needs = "a baseline",
       .explain =
           [](M m, T x, S s, O o) {
             return explain_feature_ablation(m, x, {features(x, s), s.baselines}, o);
           }},
      {.name = "feature_permutation",
       .title = "Feature permutation",
       .family = family,
       .doc = "How far the output falls when a feature comes from another sample",
       .when = "For the importance of features over a data set, without a baseline",
       .cost = "m M F",
       .axioms = "linearity, dummy, implementation invariance",
       .needs = "two samples or more",
       .across_samples = true,
       .explain =
           [](M m, T x, S s, O o) {
             return explain_feature_permutation(
                 m, x, {.features = features(x, s), .permutations = s.draws, .seed = s.seed}, o);
           }},
      {.name = "occlusion",
       .title = "Occlusion",
       .family = family,
       .doc = "How far the output falls behind a window, the mean over its places",
       .when = "For pictures and series, as a check on gradients",
       .cost = "B windows F",
       .axioms = "linearity, dummy, implementation invariance",
       .needs = "a baseline",
       .explain = occlusion},
      {.name = "shapley",
       .title = "Shapley values",
       .family = family,
       .doc = "The mean rise of the output when a feature joins others, over all orders, exactly",
       .when = "For up to 16 features, as the reference for what samples estimate",
       .cost = "B 2^M F",
       .axioms = "completeness, linearity, dummy, symmetry, implementation invariance",
       .needs = "a baseline, at most 16 features",
       .complete = true,
       .explain =
           [](M m, T x, S s, O o) {
             return explain_shapley(m, x, {features(x, s), s.baselines}, o);
           }},
      {.name = "shapley_sampling",
       .title = "Shapley sampling",
       .family = family,
       .doc = "Shapley values by random orders and their reverses",
       .when = "For tens of features, with an error that shrinks as you wait",
       .cost = "B m (M - 1) F",
       .axioms = "completeness; linearity, dummy, implementation invariance; symmetry in the mean",
       .needs = "a baseline",
       .complete = true,
       .explain =
           [](M m, T x, S s, O o) {
             return explain_shapley_sampling(m, x,
                                             {.features = features(x, s),
                                              .baselines = s.baselines,
                                              .pairs = std::max(s.draws / 2, 1),
                                              .seed = s.seed},
                                             o);
           }},
      {.name = "kernel_shap",
       .title = "KernelSHAP",
       .family = family,
       .doc = "Shapley values by weighted least squares over coalitions",
       .when = "For tens of features of a black box; exact when all coalitions fit the budget",
       .cost = "B (2 M + 2048) F",
       .axioms = "completeness; linearity; the other Shapley axioms in the mean",
       .needs = "a baseline",
       .complete = true,
       .explain =
           [](M m, T x, S s, O o) {
             return explain_kernel_shap(
                 m, x, {.features = features(x, s), .baselines = s.baselines, .seed = s.seed}, o);
           }},
      {.name = "lime",
       .title = "LIME",
       .family = family,
       .doc = "The coefficients of a linear model that imitates the output near the sample",
       .when = "When a local surrogate with its R^2 is wanted",
       .cost = "1000 B F",
       .axioms = "linearity",
       .needs = "a baseline",
       .explain =
           [](M m, T x, S s, O o) {
             return explain_lime(
                 m, x, {.features = features(x, s), .baselines = s.baselines, .seed = s.seed}, o);
           }},
      {.name = "continuous_lime",
       .title = "C-LIME",
       .family = family,
       .doc = "A linear fit to the output under Gaussian noise",
       .when = "For tables, and where a model gives no gradients: it tends to SmoothGrad",
       .cost = "max(4 M, 1000) F",
       .axioms = "linearity",
       .explain =
           [](M m, T x, S s, O o) {
             return explain_continuous_lime(m, x, {.sigma = s.sigma, .seed = s.seed}, o);
           }},
      {.name = "rise",
       .title = "RISE",
       .family = family,
       .doc = "The mean output over randomly masked pictures, by which pixels were visible",
       .when = "For black boxes of pictures; one set of evaluations serves all classes",
       .cost = "4000 B F",
       .axioms = "linearity",
       .needs = "pictures, a baseline",
       .explain =
           [](M m, T x, S s, O o) {
             RiseOptions rise{.baselines = s.baselines, .centred = true, .seed = s.seed};
             rise.cells = grid_cells(x, s.cells > 0 ? s.cells : rise.cells);
             return explain_rise(m, x, rise, o);
           }},
      {.name = "sobol",
       .title = "Sobol indices",
       .family = family,
       .doc = "The share of the output's variance that involves a cell",
       .when = "When interactions between parts of a picture must count; not signed",
       .cost = "64 B (M + 2) F",
       .axioms = "dummy, implementation invariance",
       .needs = "pictures, a baseline",
       .explain =
           [](M m, T x, S s, O o) {
             SobolOptions sobol{.baselines = s.baselines, .seed = s.seed};
             sobol.cells = grid_cells(x, s.cells > 0 ? s.cells : sobol.cells);
             return explain_sobol(m, x, sobol, o);
           }},
      {.name = "hsic",
       .title = "HSIC",
       .family = family,
       .doc = "How strongly the output depends on whether a cell is visible",
       .when = "As Sobol indices, with fewer evaluations; not signed",
       .cost = "1000 B F",
       .axioms = "implementation invariance",
       .needs = "pictures, a baseline",
       .explain =
           [](M m, T x, S s, O o) {
             HsicOptions hsic{.baselines = s.baselines, .seed = s.seed};
             hsic.cells = grid_cells(x, s.cells > 0 ? s.cells : hsic.cells);
             return explain_hsic(m, x, hsic, o);
           }},
  };
}

}  // namespace ingrad::tools
