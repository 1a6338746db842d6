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

// f64 values within `scale` of `shift` in a fixed irregular pattern, no two equal: inputs of samples
// that need a domain.
Tensor scaled_values(const Shape& shape, double scale = 1, double shift = 0, int seed = 1);

}  // namespace ingrad
