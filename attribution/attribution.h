// SPDX-License-Identifier: Apache-2.0
// What every explainer takes and gives: its options and its result.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "attribution/model.h"
#include "attribution/pool.h"
#include "engine/tensor.h"

namespace ingrad {

struct ExplainOptions {
  ScalarKind scalar = ScalarKind::logit;
  Target target = Target::predicted();
  std::vector<std::int64_t> contrast = {};  // one class per sample, for ScalarKind::contrast
  // The number of the first sample among all that are explained, in several calls perhaps: draws
  // of sampled methods are keyed by it, so that they do not depend on how samples are divided.
  std::int64_t first_sample = 0;
  PoolOptions pool = {};
};

// What every method returns. Attributions are signed and not normalised. With T classes per sample
// (Target::several), tensors are [N, T, ...] and lists have N T entries, those of a sample in a
// row.
struct Attribution {
  std::string method;
  Tensor values;                      // [N, ...] f32, the shape of the inputs
  std::vector<std::int64_t> targets;  // [N]
  ScalarKind scalar = ScalarKind::logit;
  std::vector<double> f;           // f(x), [N]
  std::vector<double> f_baseline;  // f(x'), mean over baselines; empty without a baseline
  // sum(values) - (f(x) - f(x')), and the same over max(|f(x) - f(x')|, 1e-12); empty for methods
  // without completeness.
  std::vector<double> delta, relative_delta;
  std::vector<int> steps;         // path nodes or draws per sample
  std::vector<char> converged;    // adaptive rules: did the sample meet its tolerance?
  std::vector<char> dead;         // maps of layers: is it zero everywhere?
  Tensor standard_error;          // [N, ...] of sampled means; undefined for exact methods
  std::vector<double> r_squared;  // of surrogate models: how well each fits f, [N]
  std::uint64_t seed = 0;         // of sampled methods
  double seconds = 0;
  PoolStats cost;
};

}  // namespace ingrad
