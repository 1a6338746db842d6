// SPDX-License-Identifier: Apache-2.0
// Blur Integrated Gradients: a path along which a picture becomes sharp.
#pragma once

#include "attribution/attribution.h"
#include "attribution/paths/gaussian_blur.h"

namespace ingrad {

struct BlurIgOptions {
  double max_sigma = 50;  // points; where the path begins
  int steps = 100;
  // Values of sigma: even in sigma, or even in sigma squared (the variance), up to max_sigma.
  // PAIR's `sqrt` ends at the square root of its max_sigma instead.
  enum class Spacing : std::uint8_t { linear, sqrt } spacing = Spacing::linear;
  // The change of the picture with sigma: by a difference over so much; 0: over the whole step,
  // which is exact for linear models.
  double derivative_step = 0.01;
  BlurEdge edge = BlurEdge::zero;  // as PAIR
};

// Xu et al. 2020, with the defaults of PAIR's library: minus the sum over steps of
// (s_{i+1} - s_i) times df/dx at the picture blurred by s_i times that picture's derivative by s.
// Samples are pictures [C, H, W]. Complete, as steps become fine, relative to f at the picture
// blurred by max_sigma (`f_baseline`). Cost: G = steps, F = 2.
Attribution explain_blur_ig(const ModelFn& model, const Tensor& x, const BlurIgOptions& method = {},
                            const ExplainOptions& options = {},
                            Location where = Location::current());

}  // namespace ingrad
