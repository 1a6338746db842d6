// SPDX-License-Identifier: Apache-2.0
// What ops over spatial axes share: tensors are [N, C, spatial...] with 1 to 3 spatial axes, and
// the public functions take them without N as well.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/op.h"

namespace ingrad {

// An option as one value per spatial axis: a single entry holds for all, an empty list is
// `fallback`. Error naming `op` and `name` unless every value is in [least, 2^31), so that sums and
// products of two do not overflow.
std::vector<std::int64_t> per_axis(std::string_view op, std::string_view name,
                                   std::span<const std::int64_t> given, int axes,
                                   std::int64_t least, std::span<const std::int64_t> fallback,
                                   Location where);
std::vector<std::int64_t> per_axis(std::string_view op, std::string_view name,
                                   std::span<const std::int64_t> given, int axes,
                                   std::int64_t least, std::int64_t fallback, Location where);

// The attribute `name` of an op, which must have one value in [least, 2^31) per spatial axis.
const Attr::Ints& spatial_attr(std::string_view op, const Attrs& attrs, const char* name, int axes,
                               std::int64_t least, Location where);

// x with the batch axis that the caller may have left out, and whether that was so. Error on another
// rank and on extents from 2^31, whose products with strides could overflow.
struct Batched {
  Tensor x;
  bool added = false;
  Tensor restore(const Tensor& y, Location where) const;  // takes it away again
};
Batched batched(std::string_view op, const Tensor& x, int axes, Location where);

// Error unless x is [N, C, spatial...] of a floating dtype with 1 to 3 spatial axes.
void require_spatial(std::string_view op, const TensorSpec& x, Location where);

// Number of windows along one axis, by PyTorch's rule: with `ceil_mode` the last one may reach
// beyond the padding behind, but must begin before it. Error when there is none, or when the
// padding is more than half a window.
struct Windows {
  std::int64_t kernel, stride, padding, dilation;
};
std::int64_t count_windows(std::string_view op, std::int64_t in, const Windows& w, bool ceil_mode,
                           Location where);

// Adaptive pooling: output t of `out` covers the inputs [first, last) of `in`.
struct AdaptiveWindow {
  std::int64_t first, last;
};
AdaptiveWindow adaptive_window(std::int64_t t, std::int64_t in, std::int64_t out);
// The output extents, -1 standing for that of x [N, C, spatial...]. Error unless every spatial
// extent of x is positive.
std::vector<std::int64_t> adaptive_sizes(std::string_view op, const TensorSpec& x,
                                         std::span<const std::int64_t> sizes, Location where);

}  // namespace ingrad
