// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/elementwise.h"

namespace ingrad::kernels::reference {

// As find_tile; compute is f64 or i64.
TileFn elementwise_tile(int function, int derivative, DType compute);

}  // namespace ingrad::kernels::reference
