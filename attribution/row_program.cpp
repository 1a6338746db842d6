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
                                              const Tensor& all_contrast) {
    const Tensor x = gradient ? rows.track() : rows;
    const Tensor outputs = checked_outputs(model(x), x, where);
    return class_by_class(all_classes, all_contrast, [&](const Tensor& c, const Tensor& other) {
      const Tensor value = scalar_of(outputs, c, kind, other, where);
      // Rows are independent: one backward pass of the sum gives every row its own gradient.
      return std::pair{value.detach(),
                       gradient ? ingrad::gradient(sum(value), x, {}, where) : Tensor()};
    });
  };
  return p;
}

Tensor checked_outputs(const Tensor& outputs, const Tensor& rows, Location where) {
  if (outputs.rank() != 2 || outputs.dim(0) != rows.dim(0)) {
    throw Error(fmt::format("explain: the model returned {} for {} rows", outputs.spec().str(),
                            rows.dim(0)),
                where);
  }
  return outputs;
}

std::pair<Tensor, Tensor> class_by_class(
    const Tensor& classes, const Tensor& contrast,
    const std::function<std::pair<Tensor, Tensor>(const Tensor&, const Tensor&)>& of_class) {
  const std::int64_t columns = classes.dim(1);
  const auto column = [columns](const Tensor& t, std::int64_t c) {
    return !t.defined() || columns == 1 ? t : narrow(t, 1, c, 1);
  };
  std::vector<Tensor> values, arrays;
  for (std::int64_t c = 0; c < columns; ++c) {
    const auto [value, array] = of_class(column(classes, c), column(contrast, c));
    values.push_back(value);
    if (array.defined()) arrays.push_back(array);
  }
  return {side_by_side(values), arrays.empty() ? Tensor() : side_by_side(arrays)};
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
