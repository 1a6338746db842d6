// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

#define INGRAD_ONE(...) +1
constexpr int kArithmetic = 0 INGRAD_EXPR_ARITHMETIC(INGRAD_ONE);
constexpr int kMath = 0 INGRAD_EXPR_MATH(INGRAD_ONE);
#undef INGRAD_ONE

TileFn find(int function, int derivative, DType compute) {
  const ElementwiseEntry* const entry =
      function < kArithmetic           ? elementwise_arithmetic(function)
      : function < kArithmetic + kMath ? elementwise_math(function - kArithmetic)
                                       : elementwise_activation(function - kArithmetic - kMath);
  ElementwiseLauncher launcher = nullptr;
  if (compute == DType::f32) launcher = entry->of[derivative + 1];
  if (compute == DType::f64) launcher = entry->of[derivative + 5];
  if (compute == DType::i64 && derivative < 0) launcher = entry->of[8];
  return reinterpret_cast<TileFn>(reinterpret_cast<void (*)()>(launcher));
}

void run(const ElementwiseArgs& a, Range) {
  reinterpret_cast<ElementwiseLauncher>(reinterpret_cast<void (*)()>(a.tile))(a);
}

}  // namespace

void install_elementwise() {
  install_device_tiles(find);
  for (const DType t : {DType::f32, DType::f64, DType::i64}) elementwise.install(t, run);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
