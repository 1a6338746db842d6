// SPDX-License-Identifier: Apache-2.0
// The explainers by name, as commands offer them: what each computes, costs, promises and needs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attribution/attribution.h"

namespace ingrad::tools {

struct MethodSettings {
  std::string rule = "gauss_legendre";  // quadrature of Integrated Gradients, or "adaptive"
  int steps = 50;                       // nodes of the rule; of "adaptive": at most
  double tolerance = 1e-3;              // of "adaptive"
  int draws = 50;                       // of sampled methods
  double sigma = 0.15;                  // of the noise, relative to the range of the sample
  std::int64_t cells = 0;               // of pictures, along each axis; 0: the method's own default
  std::vector<std::string> layers = {};  // of maps; empty: the last layer [C, h, w] with points
  std::uint64_t seed = 0;
  std::vector<Tensor> baselines = {};  // empty: zero
};

struct Method {
  std::string name;    // "integrated_gradients"
  std::string title;   // "Integrated Gradients"
  std::string family;  // "paths"
  std::string doc;     // what it computes, one line
  std::string when;    // when to use it, one line
  // Evaluations per sample: F forward, G forward and backward, n steps, m draws, B baselines, M
  // features, C channels.
  std::string cost;
  std::string axioms = {};  // "completeness, linearity"
  std::string needs = {};   // of the model and the user; "" if nothing
  bool complete = false;    // do the values add up to a difference of f?
  // Does the result of a sample depend on the others (so that they cannot be explained in parts)?
  bool across_samples = false;
  std::function<Attribution(const ModelFn& model, const Tensor& x, const MethodSettings& settings,
                            const ExplainOptions& options)>
      explain = nullptr;
};
// Family by family.
std::span<const Method> methods();
// Error with the nearest name.
const Method& find_method(const std::string& name);
// "a,b,c", names of families among them, or "all"; each method once. A method of a family that does
// not suit a model is left out; one that was asked for by name is an error.
struct ChosenMethod {
  const Method* method;
  bool by_name;
};
std::vector<ChosenMethod> parse_methods(const std::string& text);

// Names for MethodSettings::rule; the last stands for the adaptive one.
inline constexpr std::string_view kAdaptiveRule = "adaptive";
std::vector<std::string> rule_names();

}  // namespace ingrad::tools
