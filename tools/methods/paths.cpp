// SPDX-License-Identifier: Apache-2.0
// Explainers that integrate the gradient along a path from a baseline.
#include "attribution/explain.h"
#include "attribution/paths/blur_ig.h"
#include "attribution/paths/expected_gradients.h"
#include "attribution/paths/guided_ig.h"
#include "attribution/paths/xrai.h"
#include "tools/methods/families.h"

namespace ingrad::tools {
namespace {

Attribution integrated_gradients(const ModelFn& model, const Tensor& x, const MethodSettings& s,
                                 const ExplainOptions& options) {
  IntegratedGradientsOptions method;
  method.baselines = s.baselines;
  method.adaptive = s.rule == kAdaptiveRule;
  if (method.adaptive) {
    method.tolerance = s.tolerance;
    method.max_steps = s.steps;
  } else {
    method.rule = quadrature_from_name(s.rule);
    method.steps = s.steps;
  }
  return explain_integrated_gradients(model, x, method, options);
}

}  // namespace

std::vector<Method> path_methods() {
  const std::string family = "paths";
  return {
      {.name = "integrated_gradients",
       .title = "Integrated Gradients",
       .family = family,
       .doc = "The gradient integrated along the line from a baseline, times the difference",
       .when = "The default for differentiable models: complete, and its error is reported",
       .cost = "B n G",
       .axioms = "completeness, linearity, sensitivity, dummy, symmetry, implementation invariance",
       .needs = "a baseline",
       .complete = true,
       .explain = integrated_gradients},
      {.name = "expected_gradients",
       .title = "Expected Gradients",
       .family = family,
       .doc = "Integrated Gradients over many baselines, by sampling (GradientSHAP)",
       .when = "When no single baseline is right: give several, or the mean of the data",
       .cost = "m G",
       .axioms = "completeness in the mean, linearity, dummy, implementation invariance",
       .needs = "baselines",
       .complete = true,
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings& s,
              const ExplainOptions& options) {
             return explain_expected_gradients(
                 model, x, {.baselines = s.baselines, .draws = s.draws, .seed = s.seed}, options);
           }},
      {.name = "guided_ig",
       .title = "Guided IG",
       .family = family,
       .doc = "Integrated Gradients on a path that goes first where the gradient is small",
       .when = "When Integrated Gradients of a picture are noisy",
       .cost = "200 B G",
       .axioms = "completeness as steps become fine, dummy",
       .needs = "a baseline",
       .complete = true,
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings& s,
              const ExplainOptions& options) {
             return explain_guided_ig(model, x, {.baselines = s.baselines}, options);
           }},
      {.name = "blur_ig",
       .title = "Blur IG",
       .family = family,
       .doc = "The gradient integrated while the picture becomes sharp",
       .when = "When a baseline of one colour is wrong for a picture",
       .cost = "100 G",
       .axioms = "completeness relative to the blurred picture, linearity",
       .needs = "pictures",
       .complete = true,
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings&,
              const ExplainOptions& options) { return explain_blur_ig(model, x, {}, options); }},
      {.name = "xrai",
       .title = "XRAI",
       .family = family,
       .doc = "Integrated Gradients by regions, the most important ones first",
       .when = "When people should see regions rather than points",
       .cost = "100 B G",
       .axioms = "dummy",
       .needs = "pictures",
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings& s,
              const ExplainOptions& options) {
             return explain_xrai(model, x, {.baselines = s.baselines}, options);
           }},
  };
}

}  // namespace ingrad::tools
