// SPDX-License-Identifier: Apache-2.0
// Explainers that integrate the gradient along a path from a baseline.
#include "attribution/explain.h"
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
  };
}

}  // namespace ingrad::tools
