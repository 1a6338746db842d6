// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise_activation.cpp"
#include "hwy/foreach_target.h"
#define INGRAD_EXPR_PART INGRAD_EXPR_ACTIVATION
#define INGRAD_EXPR_FIND FindActivation
#include "kernels/cpu/elementwise-inl.h"
#undef INGRAD_EXPR_PART
#undef INGRAD_EXPR_FIND

#if HWY_ONCE
#include "kernels/cpu/elementwise_tables.h"

namespace ingrad::kernels::cpu {

HWY_EXPORT(FindActivation);

TileFn activation_tile(int index, int derivative, DType compute) {
  return HWY_DYNAMIC_DISPATCH(FindActivation)(index, derivative, compute);
}

}  // namespace ingrad::kernels::cpu
#endif
