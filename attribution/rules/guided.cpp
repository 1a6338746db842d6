// SPDX-License-Identifier: Apache-2.0
#include "attribution/rules/guided.h"

#include <fmt/format.h>

#include <memory>

#include "attribution/run.h"
#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"

namespace ingrad {
namespace {

// By the name of the method; `seen` is set when the rule is used.
Rules relu_rule(bool guided, const std::shared_ptr<bool>& seen) {
  Rules rules;
  rules.set("relu", [guided, seen](const VjpArgs& a) {
    *seen = true;
    const Tensor positive = relu(a.cotangents[0]);
    if (!guided) return std::vector<Tensor>{positive};
    static const OpDef& mask = find_op("relu_grad");
    return std::vector<Tensor>{apply1(mask, {}, {a.outputs[0], positive})};
  });
  return rules;
}

Attribution with_rule(const std::string& name, bool guided, const ModelFn& model, const Tensor& x,
                      const ExplainOptions& options, Location where) {
  ExplainRun run(name, model, x, options, where);
  const auto seen = std::make_shared<bool>(false);
  const auto program = [&](std::int64_t classes) {
    RowProgram p = scalar_program(model, run.inputs().shape().without(0), options.scalar, true,
                                  classes, where);
    p.name = name + " " + p.name;
    p.function = [=, kind = options.scalar](const Tensor& rows, const Tensor& all_classes,
                                            const Tensor& all_contrast) {
      const Rules rules = relu_rule(guided, seen);
      const Tensor in = rows.track();
      const Tensor outputs = checked_outputs(model(in), in, where);
      return class_by_class(all_classes, all_contrast, [&](const Tensor& c, const Tensor& other) {
        const Tensor value = scalar_of(outputs, c, kind, other, where);
        const Tensor g = gradient(sum(value), in, {.rules = &rules}, where);
        if (!*seen) {
          throw Error(
              fmt::format("{}: the model has no ReLU; expected one, or another method", name),
              where);
        }
        return std::pair{value.detach(), g};
      });
    };
    return p;
  };
  std::vector<double> values(static_cast<std::size_t>(run.samples()) * run.width());
  run.pool().compute_classes(program, run.items(1), run.unchanged(),
                             [&](const WorkItem& w, double, std::span<const float> g) {
                               std::copy(
                                   g.begin(), g.end(),
                                   values.begin() + static_cast<std::ptrdiff_t>(w.sample) *
                                                        static_cast<std::ptrdiff_t>(run.width()));
                             });
  run.result().steps.assign(static_cast<std::size_t>(run.samples()), 1);
  return run.finish(values, false);
}

}  // namespace

Attribution explain_guided_backprop(const ModelFn& model, const Tensor& x,
                                    const ExplainOptions& options, Location where) {
  return with_rule("guided_backprop", true, model, x, options, where);
}

Attribution explain_deconvolution(const ModelFn& model, const Tensor& x,
                                  const ExplainOptions& options, Location where) {
  return with_rule("deconvolution", false, model, x, options, where);
}

}  // namespace ingrad
