// SPDX-License-Identifier: Apache-2.0
// The pen strokes of the ten digits.
#pragma once

#include <span>

namespace ingrad {

struct Point {
  double x, y;  // x to the right, y down; a digit fills about [0, 1] x [0, 1]
};

// A smooth curve through its points (a Catmull-Rom spline), or straight lines between them.
struct Stroke {
  std::span<const Point> points;
  bool smooth = true;
  bool closed = false;
};

// One way of writing a digit.
using Style = std::span<const Stroke>;
std::span<const Style> styles_of(int digit);

}  // namespace ingrad
