// SPDX-License-Identifier: Apache-2.0
// Gaussian blur of pictures.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

// What lies beyond the edge of a picture.
enum class BlurEdge : std::uint8_t {
  zero,     // SciPy's "constant"
  nearest,  // the point on the edge
  mirror,   // the picture mirrored, edge points twice; SciPy's "reflect"
};

// Every channel of a picture [C, H, W] (`row`), blurred along both axes by a Gaussian of standard
// deviation `sigma` points, cut at 4 sigma and scaled to sum to one, as scipy.ndimage does: below
// sigma = 1/8 it is the picture itself. Sums in double.
std::vector<double> gaussian_blur(std::span<const float> picture, const Shape& row, double sigma,
                                  BlurEdge edge);
std::vector<double> gaussian_blur(std::span<const double> picture, const Shape& row, double sigma,
                                  BlurEdge edge);

// Error, in the name of a method, unless samples are pictures [C, H, W].
void check_pictures(std::string_view method, const Shape& row, Location where);

}  // namespace ingrad
