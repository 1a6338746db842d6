// SPDX-License-Identifier: Apache-2.0
// Guided Integrated Gradients: a path that goes first where the gradient is small.
#pragma once

#include <vector>

#include "attribution/attribution.h"

namespace ingrad {

struct GuidedIgOptions {
  int steps = 200;             // of the path; they follow one another, samples share batches
  double fraction = 0.25;      // of the features that move at a time, those of the least |gradient|
  double max_distance = 0.02;  // of any feature from the straight path, as a share of it
  // Each broadcasts to the samples; the result is the mean over them. Empty: zero.
  std::vector<Tensor> baselines = {};
};

// Kapishnikov et al. 2021, with the defaults of PAIR's library: from x' to x, every step takes the
// same L1 distance off x - position; features of the least |gradient| move first, none further than
// max_distance ahead of or behind the straight path. Every move adds gradient times move. With
// max_distance 0 or fraction 1 it is Integrated Gradients by the left rule. Features with x = x'
// get 0. Complete as far as steps are fine enough. Not linear in f. Cost per baseline: G = steps.
Attribution explain_guided_ig(const ModelFn& model, const Tensor& x,
                              const GuidedIgOptions& method = {},
                              const ExplainOptions& options = {},
                              Location where = Location::current());

}  // namespace ingrad
