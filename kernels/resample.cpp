// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample.h"

#include <algorithm>

#include "kernels/bits.h"
#include "kernels/cpu/resample.h"
#include "kernels/reference/resample.h"

namespace ingrad::kernels {
namespace {

// Along the contiguous axis a unit takes a few rows, which share the look-ups in the table;
// across it, one position and a run of the inner extent.
constexpr std::int64_t kRows = 4;
constexpr std::int64_t kPositions = 1024;
constexpr std::int64_t kRun = 4096;

std::int64_t blocks(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

std::int64_t units(const ResampleArgs& a) {
  if (a.inner == 1) return blocks(a.outer, kRows) * blocks(a.table->out, kPositions);
  return a.outer * a.table->out * blocks(a.inner, kRun);
}

std::int64_t unit_cost(const ResampleArgs& a) {
  const auto entries = static_cast<std::int64_t>(a.table->index.size());
  const std::int64_t taps = 1 + entries / std::max<std::int64_t>(a.table->out, 1);
  if (a.inner == 1) return 2 * kRows * std::min(a.table->out, kPositions) * taps;
  return 4 + std::min(a.inner, kRun) * taps / 4;
}

}  // namespace

bool AxisTable::moves_only() const {
  for (std::size_t j = 0; j + 1 < offset.size(); ++j) {
    if (offset[j + 1] - offset[j] > 1) return false;
  }
  return std::all_of(weight.begin(), weight.end(), [](double w) { return w == 1; });
}

AxisTable AxisTable::transposed() const {
  AxisTable t;
  t.in = out;
  t.out = in;
  // Counting sort by column keeps the rows of each column in order.
  t.offset.assign(static_cast<std::size_t>(in) + 1, 0);
  for (const std::int64_t c : index) ++t.offset[static_cast<std::size_t>(c) + 1];
  for (std::size_t c = 1; c < t.offset.size(); ++c) t.offset[c] += t.offset[c - 1];
  std::vector<std::int64_t> next(t.offset.begin(), t.offset.end() - 1);
  t.index.resize(index.size());
  t.weight.resize(index.size());
  for (std::size_t j = 0; j + 1 < offset.size(); ++j) {
    for (auto k = static_cast<std::size_t>(offset[j]); k < static_cast<std::size_t>(offset[j + 1]);
         ++k) {
      const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(index[k])]++);
      t.index[to] = static_cast<std::int64_t>(j);
      t.weight[to] = weight[k];
    }
  }
  return t;
}

ResampleBlock block_of(const ResampleArgs& a, std::int64_t unit) {
  if (a.inner == 1) {
    const std::int64_t n = blocks(a.table->out, kPositions);
    const std::int64_t outer = unit / n * kRows;
    const std::int64_t first = unit % n * kPositions;
    return {outer, std::min(kRows, a.outer - outer),
            first, std::min(first + kPositions, a.table->out),
            0,     1};
  }
  const std::int64_t n = blocks(a.inner, kRun);
  const std::int64_t begin = unit % n * kRun;
  const std::int64_t first = unit / n % a.table->out;
  return {unit / n / a.table->out, 1, first, first + 1, begin, std::min(begin + kRun, a.inner)};
}

constinit const Family<ResampleArgs> resample(
    "resample", units, unit_cost, nullptr,
    {{Backend::reference, DType::bf16, reference::resample_move<Bits16>},
     {Backend::reference, DType::f16, reference::resample_move<Bits16>},
     {Backend::reference, DType::i32, reference::resample_move<Bits32>},
     {Backend::reference, DType::i64, reference::resample_move<Bits64>},
     {Backend::reference, DType::u8, reference::resample_move<Bits8>},
     {Backend::reference, DType::boolean, reference::resample_move<Bits8>},
     {Backend::reference, DType::f32, reference::resample<float>},
     {Backend::reference, DType::f64, reference::resample<double>},
     {Backend::cpu, DType::bf16, cpu::resample_move<Bits16>},
     {Backend::cpu, DType::f16, cpu::resample_move<Bits16>},
     {Backend::cpu, DType::i32, cpu::resample_move<Bits32>},
     {Backend::cpu, DType::i64, cpu::resample_move<Bits64>},
     {Backend::cpu, DType::u8, cpu::resample_move<Bits8>},
     {Backend::cpu, DType::boolean, cpu::resample_move<Bits8>},
     {Backend::cpu, DType::f32, cpu::resample_f32},
     {Backend::cpu, DType::f64, cpu::resample_f64}});

}  // namespace ingrad::kernels
