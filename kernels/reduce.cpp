// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce.h"

#include <algorithm>

#include "kernels/cpu/reduce.h"
#include "kernels/reference/reduce.h"

namespace ingrad::kernels {
namespace {

std::int64_t count_of(const ReduceAxes& axes) {
  std::int64_t n = 1;
  for (int i = 0; i < axes.rank; ++i) n *= axes.size[i];
  return n;
}

void simplify(ReduceAxes& axes) {
  ReduceAxes merged;
  for (int i = 0; i < axes.rank; ++i) {
    if (axes.size[i] == 1) continue;
    const int last = merged.rank - 1;
    if (last >= 0 && merged.stride[last] == axes.size[i] * axes.stride[i]) {
      merged.size[last] *= axes.size[i];
      merged.stride[last] = axes.stride[i];
    } else {
      merged.size[merged.rank] = axes.size[i];
      merged.stride[merged.rank++] = axes.stride[i];
    }
  }
  axes = merged;
}

std::int64_t units(const ReduceArgs& a) { return outputs_of(a) * a.segments; }
std::int64_t unit_cost(const ReduceArgs& a) {
  const std::int64_t per_element = a.kind == ReduceKind::sum_exp ? 8 : 1;
  return 8 + per_element * (extent_of(a) / a.segments);
}
std::int64_t scratch(const ReduceArgs&) { return cpu::kReduceScratchBytes; }

std::int64_t combine_units(const ReduceCombineArgs& a) { return a.outputs; }
std::int64_t combine_cost(const ReduceCombineArgs& a) { return 4 * a.segments; }

}  // namespace

std::int64_t outputs_of(const ReduceArgs& a) { return count_of(a.kept); }
std::int64_t extent_of(const ReduceArgs& a) { return count_of(a.reduced); }

void simplify(ReduceArgs& a) {
  simplify(a.kept);
  simplify(a.reduced);
}

std::int64_t segments_for(const ReduceArgs& a, DType t) {
  constexpr std::int64_t kEnoughOutputs = 64;
  if ((t != DType::f32 && t != DType::f64) || a.kind >= ReduceKind::arg_maximum ||
      a.kind == ReduceKind::count_nonzero || outputs_of(a) >= kEnoughOutputs) {
    return 1;
  }
  return std::max<std::int64_t>(1, (extent_of(a) + kReduceSegment - 1) / kReduceSegment);
}

constinit const Family<ReduceArgs> reduce("reduce", units, unit_cost, scratch,
                                          {{Backend::reference, DType::f32, reference::reduce_f32},
                                           {Backend::reference, DType::f64, reference::reduce_f64},
                                           {Backend::reference, DType::i32, reference::reduce_i32},
                                           {Backend::reference, DType::i64, reference::reduce_i64},
                                           {Backend::reference, DType::u8, reference::reduce_u8},
                                           {Backend::reference, DType::boolean,
                                            reference::reduce_u8},
                                           {Backend::cpu, DType::f32, cpu::reduce_f32},
                                           {Backend::cpu, DType::f64, cpu::reduce_f64},
                                           {Backend::cpu, DType::i32, cpu::reduce_i32},
                                           {Backend::cpu, DType::i64, cpu::reduce_i64},
                                           {Backend::cpu, DType::u8, cpu::reduce_u8},
                                           {Backend::cpu, DType::boolean, cpu::reduce_u8}});

constinit const Family<ReduceCombineArgs> reduce_combine(
    "reduce_combine", combine_units, combine_cost, nullptr,
    {{Backend::reference, DType::f32, reference::reduce_combine_f32},
     {Backend::reference, DType::f64, reference::reduce_combine_f64},
     {Backend::cpu, DType::f32, cpu::reduce_combine_f32},
     {Backend::cpu, DType::f64, cpu::reduce_combine_f64}});

}  // namespace ingrad::kernels
