// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "attribution/maps/cam.h"

namespace ingrad {

// Guided backpropagation times Grad-CAM of a layer, brought to the size of the input (Selvaraju et
// al. 2017, section 3.2): fine as the one, and only where the other is positive. Captum enlarges
// the map by its nearest points, here it is bilinear.
Attribution explain_guided_grad_cam(const ModelFn& model, const Tensor& x, const CamOptions& method,
                                    const ExplainOptions& options = {},
                                    Location where = Location::current());

}  // namespace ingrad
