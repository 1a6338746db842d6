// SPDX-License-Identifier: Apache-2.0
// The built-in data set: digits drawn from pen strokes, each with its own hand. It needs no files
// and stands in for MNIST: 28x28 grey pictures of ten classes, white on black.
#pragma once

#include <cstdint>

#include "datasets/dataset.h"

namespace ingrad {

// Ranges from which each picture draws uniformly.
struct GlyphOptions {
  std::int64_t count = 20000;
  std::uint64_t seed = 0;
  Split split = Split::train;               // the two never share a picture
  double rotation = 15;                     // degrees to either side
  double min_scale = 0.7, max_scale = 1.1;  // 1: strokes of 20 pixels' height
  double shear = 0.25;                      // pixels to the side for each pixel up, to either side
  double shift = 2;                         // pixels in each direction
  double wobble = 0.06;                     // of each point of a stroke, in parts of the height
  double min_thickness = 1.4, max_thickness = 3.4;  // pixels
  double noise = 0.15;  // largest amplitude of the noise on each pixel, in parts of white
};

// u8 [count, 1, 28, 28]. Every ten successive pictures hold each class once, in random order.
// Picture i depends on (options, i) alone and is computed without library functions that differ
// between machines. Error: count < 1, empty ranges, settings that are negative or not finite.
Dataset make_glyphs(const GlyphOptions& options = {}, Location where = Location::current());

}  // namespace ingrad
