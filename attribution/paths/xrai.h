// SPDX-License-Identifier: Apache-2.0
// XRAI: Integrated Gradients by regions of a picture.
#pragma once

#include <cstdint>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/paths/segments.h"
#include "attribution/quadrature.h"

namespace ingrad {

struct XraiOptions {
  // Of Integrated Gradients below. Baselines that are empty: the least and the largest value of
  // every sample, in all its elements (PAIR's black and white).
  std::vector<Tensor> baselines = {};
  QuadratureRule rule = QuadratureRule::gauss_legendre;
  int steps = 100;  // per baseline
  // Masks of segments, not 0 where a point belongs to it: [S, H, W] for all samples or
  // [N, S, H, W]. Segments may overlap and need not cover the picture. Undefined: Felzenszwalb's of
  // every sample, scaled to [-1, 1], at all of the scales below.
  Tensor segments = {};
  std::vector<double> scales = {50, 100, 150, 250, 500, 1200};
  double sigma = 0.8;
  int min_size = 150;
  int dilation = 5;         // by which segments (not given ones) grow, points
  int min_new_points = 50;  // segments that would add fewer are left out
  // The five numbers above are for pictures of 224 x 224, and are scaled to the size of others:
  // areas (scales too) by their share of 224^2, lengths by its root, counts at least 1. PAIR scales
  // the pictures instead. False: as they are.
  bool scale_to_picture = true;
};

// Kapishnikov et al. 2019. The largest channel of the attribution of every point gives a map; then,
// again and again, the segment whose points that are not yet covered have the largest mean is
// added, and these points get that mean. Points of no segment get the mean over all of them. The
// result [N, 1, H, W] so has the sum of the map; f_baseline is the mean over baselines. Not linear
// in f, not complete. Cost: that of Integrated Gradients, G = steps per baseline.
Attribution explain_xrai(const ModelFn& model, const Tensor& x, const XraiOptions& method = {},
                         const ExplainOptions& options = {}, Location where = Location::current());

// The second half alone: a map [H W] and segments of its points. Ties: the first segment.
std::vector<double> rank_segments(std::span<const double> map, const std::vector<Segment>& segments,
                                  int min_new_points);

}  // namespace ingrad
