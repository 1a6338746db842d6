// SPDX-License-Identifier: Apache-2.0
#include "attribution/row_program.h"

#include <fmt/format.h>

#include "engine/differentiate.h"
#include "engine/ops/reduce.h"

namespace ingrad {

RowProgram scalar_program(const ModelFn& model, const Shape& row, ScalarKind kind, bool gradient,
                          Location where) {
  RowProgram p{.name = gradient ? "gradient" : "value",
               .row = row,
               .result = row,
               .function = {},
               .has_result = gradient,
               .backward = gradient};
  p.function = [model, kind, gradient, where](const Tensor& rows, const Tensor& classes,
                                              const Tensor& contrast) {
    const Tensor x = gradient ? rows.track() : rows;
    const Tensor outputs = model(x);
    if (outputs.rank() != 2 || outputs.dim(0) != x.dim(0)) {
      throw Error(
          fmt::format("explain: the model returned {} for {} rows", outputs.spec().str(), x.dim(0)),
          where);
    }
    const Tensor value = scalar_of(outputs, classes, kind, contrast, where);
    // Rows are independent: one backward pass of the sum gives every row its own gradient.
    return std::pair{value.detach(),
                     gradient ? ingrad::gradient(sum(value), x, {}, where) : Tensor()};
  };
  return p;
}

GraphFn graph_function(const RowProgram& program) {
  return [program](std::span<const Tensor> in) {
    const auto [value, array] = program.function(in[0], in[1], in.size() > 2 ? in[2] : Tensor());
    std::vector<Tensor> results = {value};
    if (program.has_result) results.push_back(array);
    return results;
  };
}

}  // namespace ingrad
