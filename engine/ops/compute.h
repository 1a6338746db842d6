// SPDX-License-Identifier: Apache-2.0
// Small things that the descriptions of many ops share.
#pragma once

#include <fmt/format.h>

#include <span>
#include <vector>

#include "engine/op.h"

namespace ingrad {

// The dtype that kernels compute in: half-precision storage computes in f32.
inline DType compute_dtype(DType t) {
  return t == DType::bf16 || t == DType::f16 ? DType::f32 : t;
}

// Dense, of the given dtype, and not recorded; copies only when it must.
Tensor dense(const Tensor& x, DType dtype);
// An existing result, rounded to the dtype that the op promised.
Tensor rounded(const Tensor& x, DType dtype);

inline BatchBehaviour rows_stay_apart(const Attrs&, std::span<const TensorSpec>) {
  return BatchBehaviour::per_row;
}
inline BatchBehaviour rows_mix(const Attrs&, std::span<const TensorSpec>) {
  return BatchBehaviour::mixes_rows;
}

// f64 values in a fixed irregular pattern within [-1, 1], no two equal: inputs of samples.
Tensor sample_values(const Shape& shape, double scale = 1, double shift = 0, int seed = 1);

}  // namespace ingrad
