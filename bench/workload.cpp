// SPDX-License-Identifier: Apache-2.0
#include "bench/workload.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "bench/probe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/parallel.h"
#include "engine/storage.h"
#include "tests/golden/formula.h"

namespace ingrad::bench {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Without interpolation: the lower of two.
double quantile(const Tensor& values, double share) {
  std::vector<double> v = values.to_vector<double>();
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(share * static_cast<double>(v.size() - 1))];
}

}  // namespace

Tensor by_formula(std::string_view name, const Shape& shape) {
  return Tensor::from<float>(golden::formula(name, shape.extents()), shape);
}

void fingerprint(benchmark::State& state, const Tensor& result) {
  for (const auto& [name, value] : fingerprint(result)) state.counters[name] = value;
}

std::map<std::string, double> fingerprint(const Tensor& result) {
  const std::int64_t rows = result.dim(0);
  const Tensor wide = reshape(cast(result, DType::f64), Shape{rows, result.size() / rows});
  const Tensor direction = cast(by_formula("probe", wide.shape()), DType::f64);
  const Tensor projections = sum(wide * direction, {1});
  return {{"norm", std::sqrt(sum(square(wide)).item())},
          {"row_norm", quantile(sqrt(sum(square(wide), {1})), 0.5)},
          {"row_projection_25", quantile(projections, 0.25)},
          {"row_projection_50", quantile(projections, 0.5)},
          {"row_projection_75", quantile(projections, 0.75)}};
}

Report::Report() {
  const MemoryStats memory = memory_stats();
  allocations_ = memory.allocations;
  from_system_ = memory.from_system;
  peak_ = fma_peak(threads());
  start_ = now();
}

void Report::write(benchmark::State& state, double flops) const {
  const double calls = static_cast<double>(state.iterations());
  const double gflops = flops * calls / (now() - start_) / 1e9;
  const MemoryStats memory = memory_stats();
  state.counters["gflops"] = gflops;
  state.counters["peak_fraction"] = gflops / std::max(peak_, fma_peak(threads()));
  state.counters["allocations"] = static_cast<double>(memory.allocations - allocations_) / calls;
  state.counters["from_system"] = static_cast<double>(memory.from_system - from_system_) / calls;
}

}  // namespace ingrad::bench
