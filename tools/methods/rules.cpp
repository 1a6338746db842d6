// SPDX-License-Identifier: Apache-2.0
// Explainers that go backwards by rules of their own.
#include "attribution/rules/deep_lift.h"
#include "tools/methods/families.h"

namespace ingrad::tools {

std::vector<Method> rule_methods() {
  return {
      {.name = "deep_lift",
       .title = "DeepLIFT",
       .family = "rules",
       .doc = "Differences from a reference, handed back through every op; several: DeepLIFT-SHAP",
       .when = "As Integrated Gradients at the price of two gradients; also through attention",
       .cost = "2 B G",
       .axioms = "completeness, sensitivity, dummy",
       .needs = "a baseline, ops with a rule",
       .complete = true,
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings& s,
              const ExplainOptions& options) {
             return explain_deep_lift(model, x, {.baselines = s.baselines}, options);
           }},
  };
}

}  // namespace ingrad::tools
