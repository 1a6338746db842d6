// SPDX-License-Identifier: Apache-2.0
// Explainers that take the gradient at the sample, or near it.
#include "attribution/explain.h"
#include "attribution/rules/guided.h"
#include "tools/methods/families.h"

namespace ingrad::tools {
namespace {

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

}  // namespace

std::vector<Method> gradient_methods() {
  using Statistic = SmoothGradOptions::Statistic;
  const std::string family = "gradients";
  return {
      {.name = "gradient",
       .title = "Gradient",
       .family = family,
       .doc = "The derivative of the output with respect to the input",
       .when = "As a first look, and for what a small change of the input would do",
       .cost = "1 G",
       .axioms = "linearity, dummy, implementation invariance",
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings&,
              const ExplainOptions& options) { return explain_gradient(model, x, options); }},
      {.name = "gradient_times_input",
       .title = "Gradient x input",
       .family = family,
       .doc = "The gradient, weighted by the input",
       .when = "For nets without biases, where it is complete, at the price of a gradient",
       .cost = "1 G",
       .axioms = "linearity, dummy, implementation invariance; completeness without biases",
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings&,
              const ExplainOptions& options) {
             return explain_gradient_times_input(model, x, options);
           }},
      {.name = "smooth_grad",
       .title = "SmoothGrad",
       .family = family,
       .doc = "The mean gradient over noisy copies of the input",
       .when = "When the gradient of a picture is too noisy to look at",
       .cost = "m G",
       .axioms = "linearity, dummy, implementation invariance",
       .explain = smooth_grad<Statistic::mean>},
      {.name = "smooth_grad_square",
       .title = "SmoothGrad squared",
       .family = family,
       .doc = "The mean squared gradient over noisy copies",
       .when = "To rank features by strength, whatever the sign",
       .cost = "m G",
       .axioms = "dummy, implementation invariance",
       .explain = smooth_grad<Statistic::square>},
      {.name = "var_grad",
       .title = "VarGrad",
       .family = family,
       .doc = "The variance of the gradient over noisy copies",
       .when = "To see where the gradient is unstable",
       .cost = "m G",
       .axioms = "dummy, implementation invariance",
       .explain = smooth_grad<Statistic::variance>},
      {.name = "guided_backprop",
       .title = "Guided backpropagation",
       .family = family,
       .doc = "The gradient with only positive cotangents through units that are on",
       .when = "To compare with older work: sharp, but it hardly depends on the upper layers",
       .cost = "1 G",
       .needs = "ReLU",
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings&,
              const ExplainOptions& options) {
             return explain_guided_backprop(model, x, options);
           }},
      {.name = "deconvolution",
       .title = "Deconvolution",
       .family = family,
       .doc = "The gradient with only positive cotangents through every ReLU",
       .when = "As guided backpropagation, which followed it",
       .cost = "1 G",
       .needs = "ReLU",
       .explain =
           [](const ModelFn& model, const Tensor& x, const MethodSettings&,
              const ExplainOptions& options) { return explain_deconvolution(model, x, options); }},
  };
}

}  // namespace ingrad::tools
