// SPDX-License-Identifier: Apache-2.0
#include "kernels/scan.h"

#include "kernels/cpu/scan.h"
#include "kernels/reference/scan.h"

namespace ingrad::kernels {
namespace {
std::int64_t units(const CumsumArgs& a) { return a.outer * a.inner; }
std::int64_t unit_cost(const CumsumArgs& a) { return 4 * a.n; }
}  // namespace

constinit const Family<CumsumArgs> cumsum("cumsum", units, unit_cost, nullptr,
                                          {{Backend::reference, DType::f32, reference::cumsum_f32},
                                           {Backend::reference, DType::f64, reference::cumsum_f64},
                                           {Backend::reference, DType::i64, reference::cumsum_i64},
                                           {Backend::cpu, DType::f32, cpu::cumsum_f32},
                                           {Backend::cpu, DType::f64, cpu::cumsum_f64},
                                           {Backend::cpu, DType::i64, cpu::cumsum_i64}});

}  // namespace ingrad::kernels
