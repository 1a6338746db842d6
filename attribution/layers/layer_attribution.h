// SPDX-License-Identifier: Apache-2.0
// Explainers of the units of a layer: what each of them does for f. Results are [N, layer...].
#pragma once

#include <string>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/quadrature.h"

namespace ingrad {

// Of the layer's activations a: a itself, df/da, and a df/da. Error names the nearest layers when
// there is none of that name (attribution/layers/layers.h).
Attribution explain_layer_activation(const ModelFn& model, const Tensor& x,
                                     const std::string& layer, const ExplainOptions& options = {},
                                     Location where = Location::current());
Attribution explain_layer_gradient(const ModelFn& model, const Tensor& x, const std::string& layer,
                                   const ExplainOptions& options = {},
                                   Location where = Location::current());
Attribution explain_layer_gradient_times_activation(const ModelFn& model, const Tensor& x,
                                                    const std::string& layer,
                                                    const ExplainOptions& options = {},
                                                    Location where = Location::current());

struct LayerPathOptions {
  QuadratureRule rule = QuadratureRule::gauss_legendre;
  int steps = 50;
  std::vector<Tensor> baselines = {};  // of inputs; several: the mean over them. Empty: zero
};
// Integrated Gradients between the activations of the baseline and of the sample, on the straight
// path in the space of the layer, while what passes by the layer (residual paths) stays that of the
// sample. Complete: f_baseline is f with the baseline's activations. Only what comes after the
// layer is computed at every step.
Attribution explain_layer_integrated_gradients(const ModelFn& model, const Tensor& x,
                                               const std::string& layer,
                                               const LayerPathOptions& method = {},
                                               const ExplainOptions& options = {},
                                               Location where = Location::current());

// Conductance (Dhamdhere et al. 2019): how much of Integrated Gradients flows through each unit,
// the integral along the straight path of inputs of df/da da/dalpha. Steps are equal; in each, the
// change of the activation times the gradient halfway. Adds up to f(x) - f(x') for a layer that
// nothing passes by, as steps become fine. (Captum's sums lack the ends of the path with its
// default rule.) `rule` is not used. Cost: G = steps, F = steps + 1 per baseline.
Attribution explain_conductance(const ModelFn& model, const Tensor& x, const std::string& layer,
                                const LayerPathOptions& method = {},
                                const ExplainOptions& options = {},
                                Location where = Location::current());
// Internal influence (Leino et al. 2018): the mean of df/da along the straight path of inputs.
Attribution explain_internal_influence(const ModelFn& model, const Tensor& x,
                                       const std::string& layer,
                                       const LayerPathOptions& method = {},
                                       const ExplainOptions& options = {},
                                       Location where = Location::current());

}  // namespace ingrad
