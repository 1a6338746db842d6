// SPDX-License-Identifier: Apache-2.0
// Gradients that pass ReLU by another rule.
#pragma once

#include "attribution/attribution.h"

namespace ingrad {

// Guided backpropagation (Springenberg et al. 2015): at every ReLU only positive cotangents go on,
// and only where the unit was on. Deconvolution (Zeiler & Fergus 2014): positive cotangents go on
// everywhere. Other ops, other activations among them, have their ordinary gradient. Both change
// little when the upper layers are replaced by random ones (Adebayo et al. 2018): they show edges
// more than reasons. Error when no ReLU lies on the way.
Attribution explain_guided_backprop(const ModelFn& model, const Tensor& x,
                                    const ExplainOptions& options = {},
                                    Location where = Location::current());
Attribution explain_deconvolution(const ModelFn& model, const Tensor& x,
                                  const ExplainOptions& options = {},
                                  Location where = Location::current());

}  // namespace ingrad
