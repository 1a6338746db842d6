// SPDX-License-Identifier: Apache-2.0
// Moving tiles between storage types and compute types.
#pragma once

#include "kernels/elementwise.h"

namespace ingrad::kernels {

// n elements of an operand, from flat index `first` of the output on, as contiguous values of the
// compute type (f32, f64, i64).
void load_tile(const ElementwiseArgs& args, const Operand& operand, std::int64_t first,
               std::size_t n, void* tile);
// n contiguous values of the compute type to contiguous storage.
void store_tile(const void* tile, DType compute, void* out, DType out_dtype, std::size_t n);

}  // namespace ingrad::kernels
