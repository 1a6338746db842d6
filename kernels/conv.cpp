// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv.h"

#include "kernels/conv_blocks.h"
#include "kernels/cpu/conv.h"
#include "kernels/reference/conv.h"

namespace ingrad::kernels {
namespace {

std::int64_t units(const ConvArgs& a) { return ConvBlocks(a).units(); }
std::int64_t unit_cost(const ConvArgs& a) {
  const ConvBlocks b(a);
  return std::min(b.rows, a.out_channels) * std::min(b.pixels, b.span) *
         (a.in_channels * a.taps + 8) / 8;
}

std::int64_t weight_grad_units(const ConvWeightGradArgs& a) {
  return a.groups * ConvWeightGradBlocks(a).per_group();
}
std::int64_t weight_grad_cost(const ConvWeightGradArgs& a) {
  const ConvWeightGradBlocks b(a);
  return std::min(b.rows, b.m) * std::min(b.columns, b.n) * (a.batch * product(a.grid) + 8) / 8;
}

}  // namespace

constinit const Family<ConvArgs> conv("conv", units, unit_cost, cpu::conv_scratch_bytes,
                                      {{Backend::reference, DType::f32, reference::conv_f32},
                                       {Backend::reference, DType::f64, reference::conv_f64},
                                       {Backend::cpu, DType::f32, cpu::conv_f32},
                                       {Backend::cpu, DType::f64, cpu::conv_f64}});

std::int64_t packed_conv_bytes(const ConvArgs& a, DType t) {
  if (ConvBlocks(a).method != ConvMethod::strips || (t != DType::f32 && t != DType::f64)) return 0;
  return static_cast<std::int64_t>(size_of(t)) * cpu::packed_strip_weights(a);
}
void pack_conv(const ConvArgs& a, DType t, void* packed) {
  (t == DType::f32 ? cpu::pack_strips_f32 : cpu::pack_strips_f64)(a, packed);
}

constinit const Family<ConvWeightGradArgs> conv_weight_grad(
    "conv_weight_grad", weight_grad_units, weight_grad_cost, cpu::conv_weight_grad_scratch_bytes,
    {{Backend::reference, DType::f32, reference::conv_weight_grad_f32},
     {Backend::reference, DType::f64, reference::conv_weight_grad_f64},
     {Backend::cpu, DType::f32, cpu::conv_weight_grad_f32},
     {Backend::cpu, DType::f64, cpu::conv_weight_grad_f64}});

}  // namespace ingrad::kernels
