// SPDX-License-Identifier: Apache-2.0
// What the machine can do at this moment: the measure of every other figure in this binary.
#pragma once

#include <cstddef>

namespace ingrad::bench {

// Runs `iterations` rounds of independent f32 multiply-adds on the active instruction set; returns
// a value that depends on all of them. One round is fma_flops_per_round() operations.
float run_fma(std::size_t iterations);
double fma_flops_per_round();

// GFLOP/s of `threads` threads in a few milliseconds, best of three.
double fma_peak(int threads);

}  // namespace ingrad::bench
