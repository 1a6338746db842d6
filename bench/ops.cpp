// SPDX-License-Identifier: Apache-2.0
// Every op of the table on its samples, forward and with its gradient: overhead and small sizes.
// The rows are generated from the table.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "bench/rows.h"
#include "engine/differentiate.h"
#include "engine/op.h"
#include "engine/ops/elementwise.h"

namespace ingrad::bench {
namespace {

std::vector<Tensor> f32_inputs(const Sample& sample) {
  std::vector<Tensor> inputs;
  for (const Tensor& t : sample.inputs) {
    inputs.push_back(is_floating(t.dtype()) ? contiguous(cast(t, DType::f32)) : t);
  }
  return inputs;
}

// The sample with the most elements.
const Sample& largest(const std::vector<Sample>& samples) {
  const auto elements = [](const Sample& s) {
    std::int64_t n = 0;
    for (const Tensor& t : s.inputs) n += t.size();
    return n;
  };
  return *std::max_element(samples.begin(), samples.end(), [&](const Sample& a, const Sample& b) {
    return elements(a) < elements(b);
  });
}

void forward(benchmark::State& state, const OpDef& op) {
  const std::vector<Sample> samples = op.samples();
  const Sample& sample = largest(samples);
  const std::vector<Tensor> inputs = f32_inputs(sample);
  std::int64_t elements = 0;
  for (auto _ : state) {
    const auto out = apply(op, sample.attrs, inputs);
    elements = out[0].size();
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations() * elements);
}

void with_gradient(benchmark::State& state, const OpDef& op) {
  const std::vector<Sample> samples = op.samples();
  const Sample& sample = largest(samples);
  const std::vector<Tensor> inputs = f32_inputs(sample);
  const MultiFn f = [&](std::span<const Tensor> in) { return apply(op, sample.attrs, in); };
  std::vector<Tensor> cotangents;
  for (const Tensor& t : f(inputs)) {
    cotangents.push_back(is_floating(t.dtype()) ? Tensor::ones(t.shape(), t.dtype()) : Tensor());
  }
  for (auto _ : state) benchmark::DoNotOptimize(vjp(f, inputs, cotangents));
}

}  // namespace

void register_ops() {
  for (const OpDef* op : op_table().all()) {
    benchmark::RegisterBenchmark(("op/" + op->name).c_str(), [op](benchmark::State& s) {
      forward(s, *op);
    })->UseRealTime();
    if (!op->differentiable() || !largest(op->samples()).differentiable) continue;
    benchmark::RegisterBenchmark(("op_gradient/" + op->name).c_str(), [op](benchmark::State& s) {
      with_gradient(s, *op);
    })->UseRealTime();
  }
}

}  // namespace ingrad::bench
