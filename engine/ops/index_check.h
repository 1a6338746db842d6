// SPDX-License-Identifier: Apache-2.0
// Checks of index tensors, for `eval` functions of ops that address by index.
#pragma once

#include "engine/tensor.h"

namespace ingrad {

// Error naming `op`, the first index outside [0, extent), its place, and the extent. `index` is i64
// and contiguous.
void check_indices(std::string_view op, const Tensor& index, std::int64_t extent, Location where);
// Error unless the dtype is i64 (the ops themselves take no other).
void require_indices(std::string_view op, const TensorSpec& index, Location where);
// As i64; Error for dtypes that do not index.
Tensor as_indices(std::string_view op, const Tensor& index, Location where);

}  // namespace ingrad
