// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise_math.cpp"
#include "hwy/foreach_target.h"
#define INGRAD_EXPR_PART INGRAD_EXPR_MATH
#define INGRAD_EXPR_FIND FindMath
#include "kernels/cpu/elementwise-inl.h"
#undef INGRAD_EXPR_PART
#undef INGRAD_EXPR_FIND

#if HWY_ONCE
#include "kernels/cpu/elementwise_tables.h"

namespace ingrad::kernels::cpu {

HWY_EXPORT(FindMath);

TileFn math_tile(int index, int derivative, DType compute) {
  return HWY_DYNAMIC_DISPATCH(FindMath)(index, derivative, compute);
}

}  // namespace ingrad::kernels::cpu
#endif
