// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/conv.h"

namespace ingrad::kernels::cpu {

void conv_f32(const ConvArgs& a, Range r) {
  switch (ConvBlocks(a).method) {
    case ConvMethod::direct: return conv_direct_f32(a, r);
    case ConvMethod::strips: return conv_strips_f32(a, r);
    case ConvMethod::gather: return conv_gather_f32(a, r);
  }
}

void conv_f64(const ConvArgs& a, Range r) {
  switch (ConvBlocks(a).method) {
    case ConvMethod::direct: return conv_direct_f64(a, r);
    case ConvMethod::strips: return conv_strips_f64(a, r);
    case ConvMethod::gather: return conv_gather_f64(a, r);
  }
}

std::int64_t conv_scratch_bytes(const ConvArgs& a) {
  switch (ConvBlocks(a).method) {
    case ConvMethod::direct: return conv_direct_scratch_bytes(a);
    case ConvMethod::strips: return conv_strips_scratch_bytes(a);
    case ConvMethod::gather: break;
  }
  return conv_gather_scratch_bytes(a);
}

void conv_weight_grad_f32(const ConvWeightGradArgs& a, Range r) {
  ConvWeightGradBlocks(a).strips ? weight_strips_f32(a, r) : weight_gather_f32(a, r);
}
void conv_weight_grad_f64(const ConvWeightGradArgs& a, Range r) {
  ConvWeightGradBlocks(a).strips ? weight_strips_f64(a, r) : weight_gather_f64(a, r);
}
std::int64_t conv_weight_grad_scratch_bytes(const ConvWeightGradArgs& a) {
  return ConvWeightGradBlocks(a).strips ? weight_strips_scratch_bytes(a)
                                        : weight_gather_scratch_bytes(a);
}

}  // namespace ingrad::kernels::cpu
