// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/elementwise.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {

#define INGRAD_EXPR_PART INGRAD_EXPR_MATH
#include "kernels/expr-functions-inl.h"
#undef INGRAD_EXPR_PART

INGRAD_ELEMENTWISE_PART(elementwise_math, INGRAD_EXPR_MATH)

}  // namespace ingrad::kernels::INGRAD_DEVICE
