// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "bench/rows.h"
#include "engine/parallel.h"
#include "kernels/kernel.h"

int main(int argc, char** argv) {
  benchmark::AddCustomContext("isa", std::string(ingrad::kernels::active_isa()));
  benchmark::AddCustomContext("threads", std::to_string(ingrad::threads()));
  ingrad::bench::register_workloads();
  ingrad::bench::register_ops();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
