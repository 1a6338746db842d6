// SPDX-License-Identifier: Apache-2.0
#include "attribution/row_program.h"

#include <fmt/format.h>

#include "engine/differentiate.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

// [N, ...] for each of several classes as [N, classes, ...].
Tensor side_by_side(const std::vector<Tensor>& parts) {
  if (parts.size() == 1) return parts[0];
  std::vector<Tensor> columns;
  for (const Tensor& t : parts) columns.push_back(unsqueeze(t, 1));
  return concat(columns, 1);
}

}  // namespace

RowProgram scalar_program(const ModelFn& model, const Shape& row, ScalarKind kind, bool gradient,
                          std::int64_t classes, Location where) {
  RowProgram p{.name = gradient ? "gradient" : "value",
               .row = row,
               .result = row,
               .function = {},
               .has_result = gradient,
               .backward = gradient,
               .classes = classes};
  if (classes > 1) p.name += fmt::format(" for {} classes", classes);
  p.function = [model, kind, gradient, where](const Tensor& rows, const Tensor& all_classes,
                                              const Tensor& contrast) {
    const Tensor x = gradient ? rows.track() : rows;
    const Tensor outputs = model(x);
    if (outputs.rank() != 2 || outputs.dim(0) != x.dim(0)) {
      throw Error(
          fmt::format("explain: the model returned {} for {} rows", outputs.spec().str(), x.dim(0)),
          where);
    }
    const std::int64_t columns = all_classes.dim(1);
    const auto column = [columns](const Tensor& t, std::int64_t c) {
      return !t.defined() || columns == 1 ? t : narrow(t, 1, c, 1);
    };
    std::vector<Tensor> values, gradients;
    for (std::int64_t c = 0; c < columns; ++c) {
      const Tensor value =
          scalar_of(outputs, column(all_classes, c), kind, column(contrast, c), where);
      values.push_back(value.detach());
      // Rows are independent: one backward pass of the sum gives every row its own gradient.
      if (gradient) gradients.push_back(ingrad::gradient(sum(value), x, {}, where));
    }
    return std::pair{side_by_side(values), gradient ? side_by_side(gradients) : Tensor()};
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
