// SPDX-License-Identifier: Apache-2.0
#include "tools/explanations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/interrupt.h"
#include "tools/progress.h"

namespace ingrad::tools {

double Explanation::images_per_second() const {
  return static_cast<double>(result.targets.size()) / std::max(result.seconds, 1e-9);
}

double Explanation::evaluations() const {
  return static_cast<double>(result.cost.forward_rows + result.cost.gradient_rows) /
         static_cast<double>(std::max<std::size_t>(result.targets.size(), 1));
}

double Explanation::completeness_error() const {
  std::vector<double> errors;
  for (const double d : result.relative_delta) errors.push_back(std::abs(d));
  if (errors.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  return *middle;
}

Explanation explain(Session& session, const std::string& what, const Method& method,
                    const MethodSettings& settings, const ModelFn& model, const Tensor& x,
                    ExplainOptions options) {
  Explanation e{method.name, method.title, &method, settings, {}};
  {
    const Interrupt interrupt;
    std::optional<Progress> bar;
    std::int64_t last = -1;
    options.pool.progress = [&](std::int64_t done, std::int64_t total) {
      if (!bar || done < last) bar.emplace(session, what, total, "evaluations");
      last = done;
      bar->update(done);
      return !Interrupt::requested();
    };
    e.result = method.explain(model, x, settings, options);
    e.result.values = e.result.values.to({});
    if (e.result.standard_error.defined()) {
      e.result.standard_error = e.result.standard_error.to({});
    }
  }
  session.rows += x.dim(0);
  return e;
}

Json json_of(const Explanation& e) {
  const Attribution& r = e.result;
  Json j = {{"method", e.name},
            {"samples", r.targets.size()},
            {"seconds", r.seconds},
            {"samples_per_second", e.images_per_second()},
            {"evaluations_per_sample", e.evaluations()},
            {"largest_batch", r.cost.batch_rows},
            {"peak_bytes", r.cost.peak_bytes},
            {"scalar", name_of(r.scalar)}};
  if (r.seed != 0) j["seed"] = r.seed;
  if (!r.relative_delta.empty()) {
    j["completeness_error_median"] = e.completeness_error();
    double worst = 0;
    for (const double d : r.relative_delta) worst = std::max(worst, std::abs(d));
    j["completeness_error_largest"] = worst;
    j["rule"] = e.settings.rule;
    j["steps"] = e.settings.steps;
  }
  if (!r.converged.empty()) {
    j["converged"] = std::count(r.converged.begin(), r.converged.end(), char{1});
  }
  return j;
}

std::string error_text(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.1e}", value);
}

}  // namespace ingrad::tools
