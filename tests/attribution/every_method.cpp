// SPDX-License-Identifier: Apache-2.0
#include "tests/attribution/every_method.h"

#include "attribution/explain.h"
#include "attribution/noise_tunnel.h"
#include "attribution/paths/expected_gradients.h"
#include "attribution/paths/guided_ig.h"
#include "attribution/perturbation/ablation.h"
#include "attribution/perturbation/lime.h"
#include "attribution/perturbation/masks.h"
#include "attribution/perturbation/shapley.h"
#include "attribution/rules/deep_lift.h"

namespace ingrad {
namespace {

using M = const ModelFn&;
using T = const Tensor&;
using O = const ExplainOptions&;

TestedMethod smooth(std::string name, SmoothGradOptions::Statistic statistic) {
  return {std::move(name),
          [statistic](M m, T x, O o) {
            return explain_smooth_grad(m, x, {.draws = 5, .statistic = statistic}, o);
          },
          true, statistic == SmoothGradOptions::Statistic::mean};
}

}  // namespace

const std::vector<TestedMethod>& every_method() {
  using Statistic = SmoothGradOptions::Statistic;
  static const std::vector<TestedMethod> kAll = {
      {"gradient", [](M m, T x, O o) { return explain_gradient(m, x, o); }},
      {"gradient_times_input", [](M m, T x, O o) { return explain_gradient_times_input(m, x, o); }},
      {"integrated_gradients",
       [](M m, T x, O o) { return explain_integrated_gradients(m, x, {.steps = 7}, o); }},
      {"adaptive",
       [](M m, T x, O o) {
         return explain_integrated_gradients(m, x, {.adaptive = true, .max_steps = 27}, o);
       },
       false, false},
      smooth("smooth_grad", Statistic::mean),
      smooth("smooth_grad_square", Statistic::square),
      smooth("var_grad", Statistic::variance),
      // Not implementation invariant, nor linear in the model.
      {"deep_lift", [](M m, T x, O o) { return explain_deep_lift(m, x, {}, o); }, false, false,
       false},
      {"noise_tunnel",
       [](M m, T x, O o) {
         const Explainer inner = [](M f, T rows, O to) {
           return explain_integrated_gradients(f, rows, {.steps = 3}, to);
         };
         return explain_noise_tunnel(m, x, inner, {.draws = 4}, o);
       },
       true},
      {"expected_gradients",
       [](M m, T x, O o) {
         return explain_expected_gradients(
             m, x, {.baselines = {Tensor::zeros(Shape{}), Tensor::scalar(0.5F)}, .draws = 8}, o);
       },
       true},
      {"guided_ig", [](M m, T x, O o) { return explain_guided_ig(m, x, {.steps = 10}, o); }, false,
       false},
      {"feature_ablation", [](M m, T x, O o) { return explain_feature_ablation(m, x, {}, o); }},
      {"occlusion",
       [](M m, T x, O o) { return explain_occlusion(m, x, {.window = {1}, .stride = {1}}, o); }},
      {"shapley_sampling",
       [](M m, T x, O o) { return explain_shapley_sampling(m, x, {.pairs = 2}, o); }, true},
      {"kernel_shap", [](M m, T x, O o) { return explain_kernel_shap(m, x, {.samples = 300}, o); },
       true},
      {"lime", [](M m, T x, O o) { return explain_lime(m, x, {.samples = 40}, o); }, true},
      {"continuous_lime",
       [](M m, T x, O o) { return explain_continuous_lime(m, x, {.samples = 30}, o); }, true},
  };
  return kAll;
}

}  // namespace ingrad
