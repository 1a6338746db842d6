// SPDX-License-Identifier: Apache-2.0
// Sparse linear maps along axes: average pooling, interpolation, padding by reflection, rolling and
// tiling are tables for this one op (kernels/resample.h).
#pragma once

#include <functional>
#include <vector>

#include "engine/op.h"
#include "kernels/resample.h"

namespace ingrad {

struct AxisMap {
  int axis = 0;
  Attr::Table table;
};

// out[..., j, ...] = sum of weight[t] x[..., index[t], ...] over row j of the table, along each
// axis in turn, those that shrink first. Floating dtypes; all others but mask for tables that only
// move elements. Half precision is computed in f32 and rounded once.
Tensor resample(const Tensor& x, std::vector<AxisMap> maps, Location where);

// The table whose row j moves element source(j) of `in`, for j < out.
Attr::Table moving_table(std::int64_t in, std::int64_t out,
                         const std::function<std::int64_t(std::int64_t)>& source);

}  // namespace ingrad
