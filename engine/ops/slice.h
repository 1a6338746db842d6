// SPDX-License-Identifier: Apache-2.0
// Parts of a tensor, and the reverse: placing a tensor inside a larger one. Every dtype but mask.
#pragma once

#include <optional>

#include "engine/int_list.h"
#include "engine/tensor.h"

namespace ingrad {

// start:stop:step of one axis with Python's meaning: negative bounds count from the end, bounds
// beyond the ends are clipped, a negative step walks backwards; left out, the bounds are the ends.
struct Slice {
  std::optional<std::int64_t> start = {};
  std::optional<std::int64_t> stop = {};
  std::int64_t step = 1;
};
// One Slice per leading axis; the other axes in full. A view unless a step is negative. Error: a
// step of 0, more slices than axes.
Tensor slice(const Tensor& x, const std::vector<Slice>& slices,
             Location where = Location::current());
// One axis sliced.
Tensor slice(const Tensor& x, std::int64_t axis, const Slice& part,
             Location where = Location::current());
// `length` elements from `start` >= 0; Error when they are not all there.
Tensor narrow(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t length,
              Location where = Location::current());
// The index-th slice without its axis; a negative index counts from the end.
Tensor select(const Tensor& x, std::int64_t axis, std::int64_t index,
              Location where = Location::current());

// Consecutive parts of the given extents, which must add up to the axis.
std::vector<Tensor> split(const Tensor& x, IntList sizes, std::int64_t axis = 0,
                          Location where = Location::current());
// Parts of `size` > 0; the last one may be smaller.
std::vector<Tensor> split_every(const Tensor& x, std::int64_t size, std::int64_t axis = 0,
                                Location where = Location::current());
// At most `chunks` parts of equal extent, the last possibly smaller (as in PyTorch).
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t axis = 0,
                          Location where = Location::current());

// Elements in reverse along the axes; a copy.
Tensor flip(const Tensor& x, IntList axes, Location where = Location::current());

// x placed into a tensor filled with `value`: before[a] elements in front of axis a, after[a]
// behind, interior[a] between neighbours (none if the list is empty). The transpose of a slice with
// steps. No negative amounts (see `pad` in engine/ops/pad.h for cropping and other modes).
Tensor embed(const Tensor& x, IntList before, IntList after, IntList interior = {},
             double value = 0, Location where = Location::current());

}  // namespace ingrad
