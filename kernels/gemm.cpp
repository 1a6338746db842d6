// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm.h"

#include "kernels/cpu/gemm.h"
#include "kernels/gemm_blocks.h"
#include "kernels/reference/gemm.h"

namespace ingrad::kernels {
namespace {

std::int64_t units(const GemmArgs& a) { return a.batch * GemmBlocks(a).per_batch(); }
std::int64_t unit_cost(const GemmArgs& a) {
  const GemmBlocks b(a);
  return std::min(b.rows, a.m) * std::min(b.columns, a.n) * (a.k + 8) / 8;
}

}  // namespace

std::int64_t packed_bytes(const GemmArgs& a, DType t) {
  if (t != DType::f32 && t != DType::f64) return 0;
  return static_cast<std::int64_t>(size_of(t)) * a.k * round_up(a.n, GemmBlocks::kPanel);
}
void pack(const GemmArgs& a, DType t, void* panels) {
  (t == DType::f32 ? cpu::pack_gemm_f32 : cpu::pack_gemm_f64)(a, panels);
}

constinit const Family<GemmArgs> gemm("gemm", units, unit_cost, cpu::gemm_scratch_bytes,
                                      {{Backend::reference, DType::f32, reference::gemm_f32},
                                       {Backend::reference, DType::f64, reference::gemm_f64},
                                       {Backend::reference, DType::i64, reference::gemm_i64},
                                       {Backend::cpu, DType::f32, cpu::gemm_f32},
                                       {Backend::cpu, DType::f64, cpu::gemm_f64},
                                       {Backend::cpu, DType::i64, cpu::gemm_i64}});

}  // namespace ingrad::kernels
