// SPDX-License-Identifier: Apache-2.0
#include "tools/explanations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "attribution/attribution_file.h"
#include "engine/ops/slice.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

namespace ingrad::tools {

double Explanation::images_per_second() const {
  return static_cast<double>(result.values.dim(0)) / std::max(result.seconds, 1e-9);
}

double Explanation::evaluations() const {
  return static_cast<double>(result.cost.forward_rows + result.cost.gradient_rows) /
         static_cast<double>(std::max<std::int64_t>(result.values.dim(0), 1));
}

double Explanation::completeness_error() const {
  std::vector<double> errors;
  for (const double d : result.relative_delta) errors.push_back(std::abs(d));
  if (errors.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  return *middle;
}

namespace {

// Samples that take about this long are explained together, and lost together if the work is
// killed.
constexpr double kPartSeconds = 3;
constexpr std::int64_t kFirstPart = 16, kMostSamples = 4096;

// The options for samples [first, first + count) of all.
ExplainOptions part_of(const ExplainOptions& all, std::int64_t first, std::int64_t count) {
  ExplainOptions part = all;
  part.first_sample = all.first_sample + first;
  const auto cut = [&](std::vector<std::int64_t>& list) {
    list = {list.begin() + first, list.begin() + first + count};
  };
  if (all.target.kind == Target::Kind::given && all.target.classes.size() > 1) {
    cut(part.target.classes);
  }
  if (!all.contrast.empty()) cut(part.contrast);
  return part;
}

std::int64_t next_size(double seconds_per_sample) {
  const double samples = kPartSeconds / std::max(seconds_per_sample, 1e-9);
  return std::clamp(static_cast<std::int64_t>(std::min(samples, 1e6)), std::int64_t{1},
                    kMostSamples);
}

// A bar of samples, moved by the evaluations of the part at hand.
class SampleProgress {
 public:
  SampleProgress(const Session& session, const std::string& what, std::int64_t samples,
                 std::int64_t first)
      : bar_(session, what, samples, "samples", first) {}

  void begin(std::int64_t first, std::int64_t count) {
    first_ = first;
    count_ = count;
    shown_ = 0;
  }
  void at(std::int64_t done, std::int64_t total) {
    // Short passes over the samples come before the long one.
    if (total <= count_ && done == total) return;
    shown_ = std::max(shown_, count_ * done / std::max<std::int64_t>(total, 1));
    bar_.update(first_ + shown_);
  }
  void end() { bar_.update(first_ + count_); }

 private:
  Progress bar_;
  std::int64_t first_ = 0, count_ = 0, shown_ = 0;
};

Attribution on_cpu(Attribution a) {
  a.values = a.values.to({});
  if (a.standard_error.defined()) a.standard_error = a.standard_error.to({});
  return a;
}

}  // namespace

Explanation explain(Session& session, const std::string& what, const Method& method,
                    const MethodSettings& settings, const ModelFn& model, const Tensor& x,
                    ExplainOptions options, const ExplanationParts* parts) {
  Explanation e{method.name, method.title, &method, settings, {}};
  const std::int64_t samples = x.dim(0);
  std::vector<Attribution> done;
  if (parts != nullptr) done = parts->finished(method.name);
  std::int64_t first = 0;
  for (const Attribution& a : done) first += a.values.dim(0);
  {
    const Interrupt interrupt;
    SampleProgress progress(session, what, samples, first);
    options.pool.progress = [&](std::int64_t rows, std::int64_t total) {
      progress.at(rows, total);
      return !Interrupt::requested();
    };
    const bool whole = parts == nullptr || method.across_samples;
    for (std::int64_t size = whole ? samples : kFirstPart; first < samples;) {
      const std::int64_t count = std::min(size, samples - first);
      progress.begin(first, count);
      done.push_back(on_cpu(method.explain(model, narrow(x, 0, first, count), settings,
                                           part_of(options, first, count))));
      if (parts != nullptr) parts->add(method.name, first, done.back());
      size = next_size(done.back().seconds / static_cast<double>(count));
      first += count;
      progress.end();
    }
  }
  e.result = joined(done);
  session.rows += samples;
  return e;
}

Json json_of(const Explanation& e) {
  const Attribution& r = e.result;
  Json j = {{"method", e.name},
            {"samples", r.values.dim(0)},
            {"classes_per_sample", static_cast<std::int64_t>(r.targets.size()) / r.values.dim(0)},
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
  }
  if (e.method->name == "integrated_gradients") {
    j["rule"] = e.settings.rule;
    j["steps"] = e.settings.steps;
  }
  if (!r.r_squared.empty()) {
    j["r_squared_mean"] = std::accumulate(r.r_squared.begin(), r.r_squared.end(), 0.0) /
                          static_cast<double>(r.r_squared.size());
  }
  if (!r.dead.empty()) j["dead_maps"] = std::count(r.dead.begin(), r.dead.end(), char{1});
  if (!r.converged.empty()) {
    j["converged"] = std::count(r.converged.begin(), r.converged.end(), char{1});
  }
  return j;
}

std::string error_text(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.1e}", value);
}

}  // namespace ingrad::tools
