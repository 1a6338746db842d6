// SPDX-License-Identifier: Apache-2.0
// DeepLIFT: contributions to the difference between f of a sample and f of a reference.
#pragma once

#include <vector>

#include "attribution/attribution.h"

namespace ingrad {

struct DeepLiftOptions {
  // References, as baselines of Integrated Gradients; several: the mean over them (DeepLIFT-SHAP,
  // Lundberg & Lee 2017). Empty: zero.
  std::vector<Tensor> baselines = {};
  bool multiply_by_inputs = true;  // false: the multipliers
};
// Shrikumar et al. 2017, Rescale rule, for every op by attribution/rules/deep_lift_rules.h:
// complete, by one forward and backward pass of two rows per reference. For one layer of
// nonlinearities it is Integrated Gradients. Unlike those it depends on how the model is written
// down. Error names an op without a rule.
Attribution explain_deep_lift(const ModelFn& model, const Tensor& x,
                              const DeepLiftOptions& method = {},
                              const ExplainOptions& options = {},
                              Location where = Location::current());

}  // namespace ingrad
