// SPDX-License-Identifier: Apache-2.0
// Baselines: what "without this feature" means.
#pragma once

#include <string_view>
#include <vector>

#include "attribution/run.h"
#include "engine/tensor.h"

namespace ingrad {

// Every baseline with one row per sample of `x` [N, ...]: f32, dense, on the CPU. A baseline is
// broadcast ([...], [1, ...] or [N, ...], or rank 0). Without any there is one of zeros. Error
// names the method and both shapes when one does not broadcast.
std::vector<Tensor> baseline_rows(std::string_view method, const std::vector<Tensor>& baselines,
                                  const Tensor& x, Location where = Location::current());

// The same for the samples of a run, which stand there once for each of their classes.
std::vector<Tensor> baseline_rows(const ExplainRun& run, const std::vector<Tensor>& baselines);

}  // namespace ingrad
