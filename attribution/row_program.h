// SPDX-License-Identifier: Apache-2.0
// What the evaluation pool computes of every row: f, and an array such as a gradient.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "attribution/model.h"
#include "engine/graph.h"

namespace ingrad {

struct RowProgram {
  std::string name;  // what it computes, settings included: plans of a model are kept by it
  Shape row;         // of an input row
  Shape result;      // of the array that a row gives
  // Inputs: rows [N, row...] f32, their classes i64 [N, C], and contrast classes likewise, or
  // undefined. Gives f [N, C] and the array [N, C, result...] f32, undefined if there is none; with
  // one class per row, [N] and [N, result...]. Row i of both depends on row i alone. It is traced
  // to become a plan, so it may not look at values.
  std::function<std::pair<Tensor, Tensor>(const Tensor& rows, const Tensor& classes,
                                          const Tensor& contrast)>
      function;
  bool has_result = true;
  bool backward = true;      // is a row counted as a gradient?
  int evaluations = 1;       // rows of the model that a row costs
  std::int64_t classes = 1;  // C
};

// f of every row, and with `gradient` df/drow; several classes share the forward pass. The function
// throws Error when the model does not give a row for a row.
RowProgram scalar_program(const ModelFn& model, const Shape& row, ScalarKind kind, bool gradient,
                          std::int64_t classes = 1, Location where = Location::current());

// The outputs; Error unless they are [N, K] for N rows.
Tensor checked_outputs(const Tensor& outputs, const Tensor& rows,
                       Location where = Location::current());
// What a function gives for every class in turn, side by side: [N, C, ...]; [N, ...] for one class.
// `of_class` takes the classes of one column [N, 1], and contrast classes likewise or undefined.
std::pair<Tensor, Tensor> class_by_class(
    const Tensor& classes, const Tensor& contrast,
    const std::function<std::pair<Tensor, Tensor>(const Tensor&, const Tensor&)>& of_class);

// The program on inputs {rows, classes, contrast classes if the scalar has them}, with results
// {f, array if there is one}.
GraphFn graph_function(const RowProgram& program);

}  // namespace ingrad
