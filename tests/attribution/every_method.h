// SPDX-License-Identifier: Apache-2.0
// Every explainer of inputs, with small settings, for the tests of what all of them promise.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "attribution/attribution.h"

namespace ingrad {

struct TestedMethod {
  std::string name;
  std::function<Attribution(const ModelFn&, const Tensor&, const ExplainOptions&)> explain;
  bool sampled = false;   // by random numbers that belong to the number of the sample
  bool linear = true;     // a(c1 f1 + c2 f2) = c1 a(f1) + c2 a(f2)
  bool invariant = true;  // the same for any way to write the function down
};
const std::vector<TestedMethod>& every_method();

}  // namespace ingrad
