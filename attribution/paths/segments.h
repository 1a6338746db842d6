// SPDX-License-Identifier: Apache-2.0
// Segments of pictures: by Felzenszwalb's graph, on a grid, or given by the user.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

struct FelzenszwalbOptions {
  double scale = 250;  // larger ones make larger segments; of pictures with values in [0, 255]
  double sigma = 0.8;  // of the blur before, in points
  int min_size = 150;  // points; smaller segments join a neighbour
};
// Felzenszwalb & Huttenlocher 2004, on the grid of 8 neighbours, edges weighted by the Euclidean
// distance of values. Segments join across an edge that is no heavier than the heaviest edge inside
// either of them plus scale / (255 size). `picture` [C, H, W] (`row`) is taken as it is: values in
// [0, 1] give the scale its usual meaning (scikit-image's convention, too). Edges of equal weight
// are taken in the order of their first point, then right, below, below right, above right. Gives
// the number of every point's segment, from 0 in the order of first points.
std::vector<std::int32_t> felzenszwalb(std::span<const double> picture, const Shape& row,
                                       const FelzenszwalbOptions& options);

// Points of a picture that are one segment, in order.
using Segment = std::vector<std::int32_t>;
// The segments of such numbers; none for numbers that do not occur.
std::vector<Segment> segments_of(std::span<const std::int32_t> numbers);
// Every point within `radius` of the segment (Euclidean), inside the picture.
Segment dilated(const Segment& segment, std::int64_t height, std::int64_t width, int radius);

}  // namespace ingrad
