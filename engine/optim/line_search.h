// SPDX-License-Identifier: Apache-2.0
// A step length that satisfies the strong Wolfe conditions (Nocedal and Wright, "Numerical
// Optimization", 2006, algorithms 3.5 and 3.6, with cubic interpolation), in PyTorch's variant.
#pragma once

#include <functional>
#include <vector>

namespace ingrad::optim {

// A point on the ray: the step length, the loss there, its gradient and the slope along the ray.
struct RayPoint {
  double t = 0;
  double loss = 0;
  std::vector<double> gradient;
  double slope = 0;
};

struct WolfeOptions {
  double sufficient_decrease = 1e-4;
  double curvature = 0.9;
  double tolerance_change = 1e-9;  // smallest bracket, in units of the largest component moved
  int max_evaluations = 25;
};

struct WolfeResult {
  RayPoint point;
  int evaluations = 0;
};

// `start` is the point t = 0; `first` the first length tried; `direction_size` the largest
// magnitude in the direction. When the evaluations are used up, the best end of the last bracket.
WolfeResult strong_wolfe(const std::function<RayPoint(double t)>& evaluate, const RayPoint& start,
                         double first, double direction_size, const WolfeOptions& options);

// The minimum of the cubic through two points with slopes, kept within [low, high]; the middle
// when the cubic has none.
double cubic_minimum(const RayPoint& a, const RayPoint& b, double low, double high);

}  // namespace ingrad::optim
