// SPDX-License-Identifier: Apache-2.0
// Ops about the program rather than its values: taps.
#include <fmt/format.h>

#include <algorithm>

#include "engine/differentiate.h"
#include "engine/ops/table.h"
#include "engine/tape.h"

namespace ingrad {

void define_structure_ops(OpTable& table) {
  table.define({
      .name = "tap",
      .cls = OpClass::linear,
      .doc = "The input itself, under a name by which it can be found and differentiated.",
      .infer = [](const Attrs& attrs, std::span<const TensorSpec> in, Location) {
        attrs.text("name");
        return std::vector<TensorSpec>{in[0]};
      },
      .eval = [](const EvalArgs& a) { return std::vector<Tensor>{a.inputs[0]}; },
      .vjp = [](const VjpArgs& a) { return std::vector<Tensor>{a.cotangents[0]}; },
      // Kept for find_tap; the rule itself reads nothing.
      .reads = {Reads::output()},
      .batch = [](const Attrs&, std::span<const TensorSpec>) { return BatchBehaviour::per_row; },
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"name", "x"}}, {Tensor::from<double>({1, -2, 3, 0.5, 4, -1}, Shape{2, 3})}}};
          },
  });
}

Tensor tap(const Tensor& x, std::string_view name, Location where) {
  if (x.defined() && !x.is_tracked() && x.impl().graph == nullptr) return x;
  static const OpDef& op = find_op("tap");
  return apply1(op, {{"name", std::string(name)}}, {x}, where);
}

std::vector<std::pair<std::string, Tensor>> taps(const Tensor& output) {
  std::vector<std::pair<std::string, Tensor>> found;
  for (Node* n : topological_order({&output, 1})) {
    if (n->op != nullptr && n->op->name == "tap") {
      found.emplace_back(n->attrs.text("name"), n->output(0));
    }
  }
  return found;
}

Tensor find_tap(const Tensor& output, std::string_view name, Location where) {
  const auto all = taps(output);
  std::string names;
  for (const auto& [n, t] : all) {
    if (n == name) return t;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", n);
  }
  throw Error(fmt::format("tap \"{}\" is not behind this output; there are: {}", name,
                          names.empty() ? "none" : names),
              where);
}

}  // namespace ingrad
