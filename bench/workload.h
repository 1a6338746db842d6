// SPDX-License-Identifier: Apache-2.0
// What the rows that bench/compare.sh runs have in common: weights by formula, and what they report
// beside their time.
#pragma once

#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <string_view>

#include "engine/graph.h"
#include "engine/tensor.h"

namespace ingrad::bench {

// The f32 tensor of this name and shape by tests/golden/formula.h.
Tensor by_formula(std::string_view name, const Shape& shape);

// Reports numbers by which equal results are recognised: the norm, the median of the rows' norms,
// and quartiles of their projections on a fixed direction. (A ReLU unit that rounding pushes over
// its kink changes one row's gradient by far more than rounding; that is neither side's fault.)
std::map<std::string, double> fingerprint(const Tensor& result);
void fingerprint(benchmark::State& state, const Tensor& result);

// Runs `step` for the benchmark's iterations and reports `gflops` (GFLOP/s), `peak_fraction` (of
// the machine's rate just before and after), and blocks of memory per call: `allocations`, and
// `from_system` of those that could not be recycled.
template <class Step>
void run(benchmark::State& state, double flops, const Step& step);

// ---- implementation ---------------------------------------------------------------------------
class Report {
 public:
  Report();
  void write(benchmark::State& state, double flops) const;

 private:
  double peak_, start_;
  std::int64_t allocations_, from_system_;
};

template <class Step>
void run(benchmark::State& state, double flops, const Step& step) {
  const Report report;
  for (auto _ : state) benchmark::DoNotOptimize(step());
  report.write(state, flops);
}

}  // namespace ingrad::bench
