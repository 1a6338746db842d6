// SPDX-License-Identifier: Apache-2.0
// The elementwise formulas over tensors: what gives fused derivatives their own derivatives.
#pragma once

#include <span>

#include "engine/tensor.h"

namespace ingrad {

// in[0] times the derivative of function number `function` (kernels/expr-list.h) with respect to
// its input `input`, as calls of basic ops on in[1], in[2], ...
Tensor symbolic_derivative(int function, int input, std::span<const Tensor> in,
                           const double* parameters);

}  // namespace ingrad
