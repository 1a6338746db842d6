// SPDX-License-Identifier: Apache-2.0
// Sorting along one axis, and its first elements. Every dtype but mask. Equal elements keep their
// order, whichever way the sort goes; NaN counts as larger than any number. Gradients go to the
// elements that were moved.
#pragma once

#include <cstdint>

#include "engine/ops/reduce.h"
#include "engine/tensor.h"

namespace ingrad {

// Sorted values, and where they stood (i64).
ValuesAndIndices sort(const Tensor& x, std::int64_t axis = -1, bool descending = false,
                      Location where = Location::current());
// The second of these.
Tensor argsort(const Tensor& x, std::int64_t axis = -1, bool descending = false,
               Location where = Location::current());
// The k largest (smallest) elements along the axis, in falling (rising) order. Error: k below 0 or
// above the extent.
ValuesAndIndices topk(const Tensor& x, std::int64_t k, std::int64_t axis = -1, bool largest = true,
                      Location where = Location::current());

}  // namespace ingrad
