// SPDX-License-Identifier: Apache-2.0
// The workloads that bench/compare.sh runs side by side with other libraries.
#include <benchmark/benchmark.h>

#include "bench/probe.h"
#include "bench/rows.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/parallel.h"
#include "tests/golden/formula.h"

namespace ingrad::bench {
namespace {

Tensor by_formula(std::string_view name, const Shape& shape) {
  return Tensor::from<float>(golden::formula(name, shape.extents()), shape);
}

// Two numbers by which equal results are recognised: the norm, and the projection on a fixed
// direction.
void fingerprint(benchmark::State& state, const Tensor& result) {
  const Tensor wide = cast(result, DType::f64);
  const Tensor direction = cast(by_formula("probe", result.shape()), DType::f64);
  state.counters["norm"] = std::sqrt(sum(square(wide)).item());
  state.counters["projection"] = sum(wide * direction).item();
}

void gemm(benchmark::State& state, std::int64_t n) {
  const Tensor a = by_formula("a", Shape{n, n}), b = by_formula("b", Shape{n, n});
  fingerprint(state, matmul(a, b));
  for (auto _ : state) benchmark::DoNotOptimize(matmul(a, b));
  const double flops = 2.0 * static_cast<double>(n * n * n);
  state.counters["gflops"] = benchmark::Counter(flops / 1e9,
                                                benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_workloads() {
  for (const std::int64_t n : {256, 512, 1024, 2048}) {
    benchmark::RegisterBenchmark(("gemm/" + std::to_string(n)).c_str(),
                                 [n](benchmark::State& s) { gemm(s, n); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace ingrad::bench
