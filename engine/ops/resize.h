// SPDX-License-Identifier: Apache-2.0
// Interpolation of x [N, C, spatial...] (or without N) with 1 to 3 spatial axes to other extents.
// Floating dtypes. The coordinates are PyTorch's: output t of n along an axis of s reads the input
// at
//   nearest        floor(t s / n)
//   nearest_exact  floor((t + 1/2) s / n)
//   linear         (t + 1/2) s / n - 1/2, not below 0; with align_corners t (s - 1) / (n - 1)
// `linear` is linear, bilinear or trilinear by the number of axes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/int_list.h"
#include "engine/tensor.h"

namespace ingrad {

enum class Interpolation : std::uint8_t { nearest, nearest_exact, linear };

struct ResizeOptions {
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;  // of `linear`
};
// To the given extents, one per spatial axis or a single one for all. Error: extents below 1, an
// empty spatial axis, align_corners with another mode.
Tensor resize(const Tensor& x, IntList size, const ResizeOptions& options = {},
              Location where = Location::current());

// To floor(extent * factor), one factor per spatial axis or a single one; coordinates are scaled by
// the factors themselves (as PyTorch does unless told to recompute them).
Tensor upsample(const Tensor& x, std::span<const double> factors, const ResizeOptions& options = {},
                Location where = Location::current());
Tensor upsample(const Tensor& x, double factor, const ResizeOptions& options = {},
                Location where = Location::current());

}  // namespace ingrad
