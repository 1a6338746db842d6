// SPDX-License-Identifier: Apache-2.0
// Pictures of attributions. All pictures here are u8 [height, width, 3].
#pragma once

#include <span>
#include <vector>

#include "engine/tensor.h"

namespace ingrad::tools {

// One sample, floating [channels, height, width] with values in [0, 1]: grey for 1 channel, RGB for
// 3, the mean of the channels for other numbers. Values beyond are clamped.
Tensor picture_of(const Tensor& sample);

// A signed map as numbers in [-1, 1]: the channels are summed, and divided by the `percentile` (in
// percent) of the magnitudes of this map, so that single outliers do not hide the rest. An
// attribution that is zero everywhere stays zero.
struct SignedMap {
  std::int64_t height = 0, width = 0;
  std::vector<double> values;  // row by row
  double scale = 0;            // the attribution that +1 stands for
};
SignedMap signed_map(const Tensor& attribution, double percentile);

// In the colours of colour_map.h.
Tensor heat_map(const SignedMap& map);
// The picture in pale grey, coloured by the map. Sizes must agree.
Tensor overlay(const Tensor& picture, const SignedMap& map);

// Every pixel becomes a square of `factor` pixels.
Tensor enlarged(const Tensor& picture, std::int64_t factor);
// The factor that brings the longer side to at least `pixels` (1 if it is there already).
std::int64_t enlargement(std::int64_t height, std::int64_t width, std::int64_t pixels);
// In a row, on white, `gap` pixels apart; lower ones are centred.
Tensor side_by_side(std::span<const Tensor> pictures, std::int64_t gap);
// The same from top to bottom.
Tensor stacked(std::span<const Tensor> pictures, std::int64_t gap);

}  // namespace ingrad::tools
