// SPDX-License-Identifier: Apache-2.0
#include "attribution/rules/deep_lift.h"

#include <algorithm>

#include "attribution/baseline_set.h"
#include "attribution/rules/deep_lift_rules.h"
#include "attribution/run.h"
#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

// [N, 1] as [2N, 1], a pair of rows alike.
Tensor twice(const Tensor& column) {
  if (!column.defined()) return column;
  return reshape(expand(column, {column.dim(0), 2}), {2 * column.dim(0), 1});
}

// Rows are pairs [2, row...]: a sample and its reference. The array: multipliers [row...], flat,
// and f of the reference.
RowProgram pair_program(const ModelFn& model, const Shape& row, ScalarKind kind,
                        std::int64_t classes, Location where) {
  RowProgram p{.name = "multipliers",
               .row = row.with_inserted(0, 2),
               .result = Shape{row.size() + 1},
               .function = {},
               .evaluations = 2,
               .classes = classes};
  if (classes > 1) p.name += " for " + std::to_string(classes) + " classes";
  p.function = [=](const Tensor& rows, const Tensor& all_classes, const Tensor& all_contrast) {
    const std::int64_t n = rows.dim(0), size = row.size();
    const Tensor x = reshape(rows, row.with_inserted(0, 2 * n)).track({.save_all = true});
    const Tensor outputs = checked_outputs(model(x), x, where);
    const Rules rules = deep_lift_rules(n);
    return class_by_class(all_classes, all_contrast, [&](const Tensor& c, const Tensor& other) {
      const Tensor value = scalar_of(outputs, twice(c), kind, twice(other), where);
      const Tensor m = gradient(sum(value), x, {.rules = &rules}, where);
      const Tensor f = reshape(value.detach(), {n, 2});
      const Tensor of_sample = reshape(narrow(reshape(m, {n, 2, size}), 1, 0, 1), {n, size});
      return std::pair{reshape(narrow(f, 1, 0, 1), {n}),
                       concat({of_sample, narrow(f, 1, 1, 1)}, 1)};
    });
  };
  return p;
}

}  // namespace

Attribution explain_deep_lift(const ModelFn& model, const Tensor& x, const DeepLiftOptions& o,
                              const ExplainOptions& options, Location where) {
  ExplainRun run("deep_lift", model, x, options, where);
  const BaselineSet baselines(run, o.baselines);
  const auto references = static_cast<double>(baselines.count());
  const auto reference = [&](const WorkItem& w) { return baselines.row(w.variant, w.sample); };
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  run.result().f_baseline.assign(static_cast<std::size_t>(run.samples()), 0);
  run.pool().compute_classes(
      [&](std::int64_t classes) {
        return pair_program(model, run.inputs().shape().without(0), options.scalar, classes, where);
      },
      run.items(baselines.count()),
      [&](const WorkItem& w, std::span<float> pair) {
        const auto from = run.row(w.sample);
        std::copy(from.begin(), from.end(), pair.begin());
        const auto r = reference(w);
        std::copy(r.begin(), r.end(), pair.begin() + static_cast<std::ptrdiff_t>(run.width()));
      },
      [&](const WorkItem& w, double, std::span<const float> array) {
        const auto from = run.row(w.sample);
        const auto r = reference(w);
        double* const to = values.data() + static_cast<std::size_t>(w.sample) * run.width();
        for (std::size_t i = 0; i < run.width(); ++i) {
          const double d = static_cast<double>(from[i]) - static_cast<double>(r[i]);
          to[i] += static_cast<double>(array[i]) * (o.multiply_by_inputs ? d : 1) / references;
        }
        run.result().f_baseline[static_cast<std::size_t>(w.sample)] +=
            static_cast<double>(array[run.width()]) / references;
      });
  run.result().steps.assign(static_cast<std::size_t>(run.samples()),
                            static_cast<int>(baselines.count()));
  return run.finish(values, o.multiply_by_inputs);
}

}  // namespace ingrad
