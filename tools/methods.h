// SPDX-License-Identifier: Apache-2.0
// The explainers by name, as commands offer them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "attribution/explain.h"

namespace ingrad::tools {

struct MethodSettings {
  std::string rule = "gauss_legendre";  // quadrature of Integrated Gradients, or "adaptive"
  int steps = 50;                       // nodes of the rule; of "adaptive": at most
  double tolerance = 1e-3;              // of "adaptive"
  int draws = 50;                       // of sampled methods
  double sigma = 0.15;                  // of the noise, relative to the range of the sample
  std::uint64_t seed = 0;
  std::vector<Tensor> baselines = {};  // empty: zero
};

struct Method {
  std::string name;   // "integrated_gradients"
  std::string title;  // "Integrated Gradients"
  std::string doc;    // one line
  bool complete;      // do the values add up to a difference of f?
  Attribution (*explain)(const ModelFn& model, const Tensor& x, const MethodSettings& settings,
                         const ExplainOptions& options);
};
std::span<const Method> methods();
// Error with the nearest name.
const Method& find_method(const std::string& name);
// "a,b,c" or "all".
std::vector<const Method*> parse_methods(const std::string& text);

// Names for MethodSettings::rule.
std::vector<std::string> rule_names();

}  // namespace ingrad::tools
