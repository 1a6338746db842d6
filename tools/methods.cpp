// SPDX-License-Identifier: Apache-2.0
#include "tools/methods.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/suggest.h"
#include "tools/arguments.h"

namespace ingrad::tools {
namespace {

constexpr std::string_view kAdaptive = "adaptive";

Attribution gradient(const ModelFn& model, const Tensor& x, const MethodSettings&,
                     const ExplainOptions& options) {
  return explain_gradient(model, x, options);
}

Attribution gradient_times_input(const ModelFn& model, const Tensor& x, const MethodSettings&,
                                 const ExplainOptions& options) {
  return explain_gradient_times_input(model, x, options);
}

template <SmoothGradOptions::Statistic statistic>
Attribution smooth_grad(const ModelFn& model, const Tensor& x, const MethodSettings& s,
                        const ExplainOptions& options) {
  SmoothGradOptions method;
  method.draws = s.draws;
  method.sigma = s.sigma;
  method.statistic = statistic;
  method.seed = s.seed;
  return explain_smooth_grad(model, x, method, options);
}

Attribution integrated_gradients(const ModelFn& model, const Tensor& x, const MethodSettings& s,
                                 const ExplainOptions& options) {
  IntegratedGradientsOptions method;
  method.baselines = s.baselines;
  method.adaptive = s.rule == kAdaptive;
  if (method.adaptive) {
    method.tolerance = s.tolerance;
    method.max_steps = s.steps;
  } else {
    method.rule = quadrature_from_name(s.rule);
    method.steps = s.steps;
  }
  return explain_integrated_gradients(model, x, method, options);
}

}  // namespace

std::span<const Method> methods() {
  using Statistic = SmoothGradOptions::Statistic;
  static const Method kMethods[] = {
      {"gradient", "Gradient", "The derivative of the output with respect to the input", false,
       gradient},
      {"gradient_times_input", "Gradient x input", "The gradient, weighted by the input", false,
       gradient_times_input},
      {"smooth_grad", "SmoothGrad", "The mean gradient over noisy copies of the input", false,
       smooth_grad<Statistic::mean>},
      {"smooth_grad_square", "SmoothGrad squared", "The mean squared gradient over noisy copies",
       false, smooth_grad<Statistic::square>},
      {"var_grad", "VarGrad", "The variance of the gradient over noisy copies", false,
       smooth_grad<Statistic::variance>},
      {"integrated_gradients", "Integrated Gradients",
       "The gradient integrated along the line from a baseline, times the difference", true,
       integrated_gradients},
  };
  return kMethods;
}

const Method& find_method(const std::string& name) {
  std::vector<std::string> names;
  for (const Method& m : methods()) {
    if (m.name == name) return m;
    names.push_back(m.name);
  }
  const std::string hint = did_you_mean(name, names);
  throw Error(fmt::format("method '{}' is unknown{}", name,
                          hint.empty() ? fmt::format(", expected {}", listed(names)) : hint));
}

std::vector<const Method*> parse_methods(const std::string& text) {
  std::vector<const Method*> chosen;
  if (text == "all") {
    for (const Method& m : methods()) chosen.push_back(&m);
    return chosen;
  }
  for (const std::string& name : parse_list(text, "--method")) {
    const Method* m = &find_method(name);
    if (std::find(chosen.begin(), chosen.end(), m) == chosen.end()) chosen.push_back(m);
  }
  return chosen;
}

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const auto rule :
       {QuadratureRule::left, QuadratureRule::right, QuadratureRule::midpoint,
        QuadratureRule::trapezoid, QuadratureRule::simpson, QuadratureRule::gauss_legendre}) {
    names.emplace_back(name_of(rule));
  }
  names.emplace_back(kAdaptive);
  return names;
}

}  // namespace ingrad::tools
