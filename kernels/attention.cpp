// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.h"

#include "kernels/cpu/attention.h"
#include "kernels/gemm_blocks.h"
#include "kernels/reference/attention.h"

namespace ingrad::kernels {
namespace {

std::int64_t units(const AttentionArgs& a) { return a.batch * a.heads * AttentionBlocks(a).count; }
// Products at a sixteenth per multiply-add, exponentials beside them.
std::int64_t pair_cost(const AttentionShape& a, std::int64_t products) {
  return products * (a.width + a.value_width) / 16 + 4;
}
std::int64_t cost(const AttentionArgs& a) {
  return AttentionBlocks(a).rows * a.keys * pair_cost(a, 1);
}

std::int64_t grad_units(const AttentionGradArgs& a) { return a.batch * a.kv_heads; }
std::int64_t grad_cost(const AttentionGradArgs& a) {
  return a.heads / std::max<std::int64_t>(1, a.kv_heads) * a.queries * a.keys * pair_cost(a, 3);
}

}  // namespace

AttentionBlocks::AttentionBlocks(const AttentionShape& a) {
  const std::int64_t most =
      std::clamp(kScores / std::max<std::int64_t>(1, a.keys) / kTile * kTile, kTile, kRows);
  rows = even_part(a.queries, most, kTile);
  count = ceil_div(a.queries, rows);
}

constinit const Family<AttentionArgs> attention(
    "attention", units, cost, cpu::attention_scratch_bytes,
    {{Backend::reference, DType::f32, reference::attention_f32},
     {Backend::reference, DType::f64, reference::attention_f64},
     {Backend::cpu, DType::f32, cpu::attention_f32},
     {Backend::cpu, DType::f64, cpu::attention_f64}});

constinit const Family<AttentionGradArgs> attention_grad(
    "attention_grad", grad_units, grad_cost, cpu::attention_grad_scratch_bytes,
    {{Backend::reference, DType::f32, reference::attention_grad_f32},
     {Backend::reference, DType::f64, reference::attention_grad_f64},
     {Backend::cpu, DType::f32, cpu::attention_grad_f32},
     {Backend::cpu, DType::f64, cpu::attention_grad_f64}});

}  // namespace ingrad::kernels
