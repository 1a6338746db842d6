// SPDX-License-Identifier: Apache-2.0
// Views: ops that change shape, order or extent without touching elements. Every dtype but mask;
// the result shares the input's storage (reshape copies when no strides can express the result).
// Axes may be negative. Error on shapes that do not fit.
#pragma once

#include "engine/int_list.h"
#include "engine/tensor.h"

namespace ingrad {

// The elements in row-major order under another shape of the same size; one extent may be -1.
Tensor reshape(const Tensor& x, IntList shape, Location where = Location::current());
// Axes first..last (inclusive) as one.
Tensor flatten(const Tensor& x, std::int64_t first = 0, std::int64_t last = -1,
               Location where = Location::current());
// Without the given axes, which must have extent 1; with none given, without all such axes.
Tensor squeeze(const Tensor& x, IntList axes = {}, Location where = Location::current());
// With an axis of extent 1 inserted at `axis` of the result.
Tensor unsqueeze(const Tensor& x, std::int64_t axis, Location where = Location::current());

// Axis i of the result is axis axes[i] of x; `axes` is a permutation.
Tensor permute(const Tensor& x, IntList axes, Location where = Location::current());
// Two axes exchanged.
Tensor transpose(const Tensor& x, std::int64_t axis0, std::int64_t axis1,
                 Location where = Location::current());
// One axis moved to another place, the others in order.
Tensor move_axis(const Tensor& x, std::int64_t from, std::int64_t to,
                 Location where = Location::current());

// Repeats axes of extent 1 and new leading axes up to `shape`; -1 keeps an extent.
Tensor expand(const Tensor& x, IntList shape, Location where = Location::current());
// NumPy's name for it.
Tensor broadcast_to(const Tensor& x, IntList shape, Location where = Location::current());

}  // namespace ingrad
