// SPDX-License-Identifier: Apache-2.0
// Running explainers from a command, and what results say about them.
#pragma once

#include <string>

#include "tools/explanation_parts.h"
#include "tools/methods/methods.h"
#include "tools/session.h"

namespace ingrad::tools {

struct Explanation {
  std::string name;   // "integrated_gradients", unique in a result
  std::string title;  // "Integrated Gradients"
  const Method* method = nullptr;
  MethodSettings settings;
  Attribution result;

  double images_per_second() const;
  // Forward and gradient evaluations per sample.
  double evaluations() const;
  // Median over samples of |relative_delta|; NaN for methods without completeness.
  double completeness_error() const;
};

// With a progress bar called `what`; counts the samples in the session's rows. The model is where x
// is; the arrays of the result are on the CPU. With `parts`, samples are explained a few seconds'
// worth at a time, what is there already is taken from there, and each part is kept as soon as it
// is done.
Explanation explain(Session& session, const std::string& what, const Method& method,
                    const MethodSettings& settings, const ModelFn& model, const Tensor& x,
                    ExplainOptions options, const ExplanationParts* parts = nullptr);

// Settings, cost, time and completeness of one explanation.
Json json_of(const Explanation& e);

// "0.0012", "-" for NaN.
std::string error_text(double value);

}  // namespace ingrad::tools
