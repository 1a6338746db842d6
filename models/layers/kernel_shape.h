// SPDX-License-Identifier: Apache-2.0
// The shape of a convolution's weight.
#pragma once

#include <string_view>

#include "engine/int_list.h"

namespace ingrad {

// [rows, columns / groups, kernel...]. Error, naming `layer`, unless all are positive, `kernel` has
// one entry or one per axis, and both channel numbers are multiples of `groups`.
Shape kernel_shape(std::string_view layer, std::int64_t rows, std::int64_t columns,
                   std::int64_t groups, IntList kernel, int spatial_axes, Location where);

}  // namespace ingrad
