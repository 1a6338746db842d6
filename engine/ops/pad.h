// SPDX-License-Identifier: Apache-2.0
// Padding, rolling and tiling. Every dtype but mask.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/int_list.h"
#include "engine/tensor.h"

namespace ingrad {

enum class PadMode : std::uint8_t {
  constant,   // a value
  reflect,    // mirrored at the first and last element, which are not repeated
  replicate,  // the first and last element again
  circular,   // the other end
};
// Error with the known names.
PadMode pad_mode_from_name(std::string_view name, Location where = Location::current());

struct Padding {
  std::int64_t before = 0, after = 0;
};
// One Padding per axis of x, first axis first; trailing axes that are left out stay as they are.
// Negative amounts crop (before the rest is filled in). `value` is for PadMode::constant. Error:
// more paddings than axes, nothing left of an axis to crop, `reflect` by the extent or more,
// `circular` by more than the extent, `replicate` of an empty axis.
Tensor pad(const Tensor& x, const std::vector<Padding>& padding, PadMode mode = PadMode::constant,
           double value = 0, Location where = Location::current());

// Element i of an axis moves to (i + shift) modulo the extent. One shift per axis; without axes,
// one shift of all elements in row-major order.
Tensor roll(const Tensor& x, IntList shifts, IntList axes = {},
            Location where = Location::current());

// x repeated along each axis, as often as `repeats` says for it. Fewer repeats than axes hold for
// the trailing axes; with more, x gets leading axes of extent 1.
Tensor tile(const Tensor& x, IntList repeats, Location where = Location::current());
// Each element `repeats` times in a row along `axis`.
Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, std::int64_t axis,
                         Location where = Location::current());

}  // namespace ingrad
