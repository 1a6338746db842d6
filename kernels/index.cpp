// SPDX-License-Identifier: Apache-2.0
#include "kernels/index.h"

#include <algorithm>

#include "kernels/bits.h"
#include "kernels/cpu/index.h"
#include "kernels/reference/index.h"

namespace ingrad::kernels {
namespace {

constexpr std::int64_t kGatherElements = 1024;  // about how many a unit of gather writes
constexpr std::int64_t kScatterRun = 64;        // inner elements per unit of scatter_sum

std::int64_t blocks(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

std::int64_t entries_per_unit(const IndexArgs& a) {
  return std::max<std::int64_t>(1, kGatherElements / std::max<std::int64_t>(a.inner, 1));
}

std::int64_t gather_units(const IndexArgs& a) {
  return a.inner == 0 ? 0 : a.outer * blocks(a.count, entries_per_unit(a));
}
std::int64_t gather_cost(const IndexArgs& a) {
  return std::min(a.count, entries_per_unit(a)) * (2 + a.inner / (a.index_inner == 0 ? 4 : 1));
}

std::int64_t scatter_units(const IndexArgs& a) { return a.outer * blocks(a.inner, kScatterRun); }
std::int64_t scatter_cost(const IndexArgs& a) {
  const std::int64_t run = std::min(a.inner, kScatterRun);
  return a.extent * (1 + run / 4) + a.count * (2 + run / (a.index_inner == 0 ? 2 : 1));
}

std::int64_t one_hot_units(const OneHotArgs& a) { return a.rows; }
std::int64_t one_hot_cost(const OneHotArgs& a) { return 1 + a.classes / 4; }

}  // namespace

IndexBlock gather_block(const IndexArgs& a, std::int64_t unit) {
  const std::int64_t size = entries_per_unit(a);
  const std::int64_t n = blocks(a.count, size);
  const std::int64_t begin = unit % n * size;
  return {unit / n, begin, std::min(begin + size, a.count)};
}

IndexBlock scatter_block(const IndexArgs& a, std::int64_t unit) {
  const std::int64_t n = blocks(a.inner, kScatterRun);
  const std::int64_t begin = unit % n * kScatterRun;
  return {unit / n, begin, std::min(begin + kScatterRun, a.inner)};
}

constinit const Family<IndexArgs> gather("gather", gather_units, gather_cost, nullptr,
                                         {INGRAD_ENTRIES_BY_SIZE(Backend::reference,
                                                                 reference::gather),
                                          INGRAD_ENTRIES_BY_SIZE(Backend::cpu, cpu::gather)});

constinit const Family<IndexArgs> scatter_sum(
    "scatter_sum", scatter_units, scatter_cost, nullptr,
    {{Backend::reference, DType::f32, reference::scatter_sum<float, double>},
     {Backend::reference, DType::f64, reference::scatter_sum<double, double>},
     {Backend::reference, DType::i32, reference::scatter_sum<std::int32_t, std::uint32_t>},
     {Backend::reference, DType::i64, reference::scatter_sum<std::int64_t, std::uint64_t>},
     {Backend::cpu, DType::f32, cpu::scatter_sum<float>},
     {Backend::cpu, DType::f64, cpu::scatter_sum<double>},
     {Backend::cpu, DType::i32, cpu::scatter_sum<std::uint32_t>},
     {Backend::cpu, DType::i64, cpu::scatter_sum<std::uint64_t>}});

constinit const Family<OneHotArgs> one_hot(
    "one_hot", one_hot_units, one_hot_cost, nullptr,
    {{Backend::reference, DType::f32, reference::one_hot<float>},
     {Backend::reference, DType::f64, reference::one_hot<double>},
     {Backend::reference, DType::i32, reference::one_hot<std::int32_t>},
     {Backend::reference, DType::i64, reference::one_hot<std::int64_t>},
     {Backend::reference, DType::u8, reference::one_hot<std::uint8_t>},
     {Backend::reference, DType::boolean, reference::one_hot<bool>},
     {Backend::cpu, DType::f32, cpu::one_hot<float>},
     {Backend::cpu, DType::f64, cpu::one_hot<double>},
     {Backend::cpu, DType::i32, cpu::one_hot<std::int32_t>},
     {Backend::cpu, DType::i64, cpu::one_hot<std::int64_t>},
     {Backend::cpu, DType::u8, cpu::one_hot<std::uint8_t>},
     {Backend::cpu, DType::boolean, cpu::one_hot<bool>}});

}  // namespace ingrad::kernels
