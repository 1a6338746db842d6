// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/elementwise.h"

namespace ingrad::kernels::cpu {

// As find_tile, for the active instruction set; compute is f32 or f64.
TileFn elementwise_tile(int function, int derivative, DType compute);

// The three parts of the list, each compiled in a source of its own; `index` counts from the start
// of the part.
TileFn arithmetic_tile(int index, int derivative, DType compute);
TileFn math_tile(int index, int derivative, DType compute);
TileFn activation_tile(int index, int derivative, DType compute);

}  // namespace ingrad::kernels::cpu
