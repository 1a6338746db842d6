// SPDX-License-Identifier: Apache-2.0
#include "kernels/sort.h"

#include <bit>

#include "kernels/cpu/sort.h"
#include "kernels/reference/sort.h"

namespace ingrad::kernels {
namespace {

std::int64_t units(const SortArgs& a) { return a.count == 0 ? 0 : a.outer * a.inner; }
std::int64_t unit_cost(const SortArgs& a) {
  const auto n = static_cast<std::uint64_t>(a.extent);
  return 8 + a.extent * (2 + 2 * std::bit_width(n));
}
std::int64_t scratch(const SortArgs& a) { return a.extent * 16; }

}  // namespace

constinit const Family<SortArgs> sort(
    "sort", units, unit_cost, scratch,
    {{Backend::reference, DType::f32, reference::sort<DType::f32>},
     {Backend::reference, DType::f64, reference::sort<DType::f64>},
     {Backend::reference, DType::bf16, reference::sort<DType::bf16>},
     {Backend::reference, DType::f16, reference::sort<DType::f16>},
     {Backend::reference, DType::i32, reference::sort<DType::i32>},
     {Backend::reference, DType::i64, reference::sort<DType::i64>},
     {Backend::reference, DType::u8, reference::sort<DType::u8>},
     {Backend::reference, DType::boolean, reference::sort<DType::boolean>},
     {Backend::cpu, DType::f32, cpu::sort<DType::f32>},
     {Backend::cpu, DType::f64, cpu::sort<DType::f64>},
     {Backend::cpu, DType::bf16, cpu::sort<DType::bf16>},
     {Backend::cpu, DType::f16, cpu::sort<DType::f16>},
     {Backend::cpu, DType::i32, cpu::sort<DType::i32>},
     {Backend::cpu, DType::i64, cpu::sort<DType::i64>},
     {Backend::cpu, DType::u8, cpu::sort<DType::u8>},
     {Backend::cpu, DType::boolean, cpu::sort<DType::boolean>}});

}  // namespace ingrad::kernels
