// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/concat.h"

#include <fmt/format.h>

#include "engine/dense.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/ops/describe.h"
#include "engine/ops/table.h"

namespace ingrad {
namespace {

using Specs = std::span<const TensorSpec>;

int axis_of(const Attrs& attrs) { return static_cast<int>(attrs.integer("axis")); }

std::vector<TensorSpec> infer_concat(const Attrs& attrs, Specs in, Location where) {
  const int axis = normalize_axis("concat", attrs.integer("axis"), in[0].shape.rank(), where);
  std::int64_t extent = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool fits = in[i].dtype == in[0].dtype && in[i].shape.rank() == in[0].shape.rank() &&
                      in[i].shape.with(axis, 0) == in[0].shape.with(axis, 0);
    if (!fits) {
      throw Error(fmt::format("concat: input {} is {}, input 0 is {}; all but axis {} must agree",
                              i, in[i].str(), in[0].str(), axis),
                  where);
    }
    extent += in[i].shape[axis];
  }
  return {{in[0].shape.with(axis, extent), in[0].dtype, in[0].device}};
}

std::vector<Tensor> eval_concat(const EvalArgs& a) {
  const int axis = axis_of(a.attrs);
  const Tensor out = Tensor::empty(a.outputs[0].shape, a.outputs[0].dtype, a.where);
  std::int64_t start = 0;
  for (const Tensor& part : a.inputs) {
    const std::int64_t offset = start * out.strides()[static_cast<std::size_t>(axis)];
    copy_elements(part, out.as_strided(part.shape(), out.strides(), offset), a.backend, a.where);
    start += part.shape()[axis];
  }
  return {out};
}

std::vector<Tensor> vjp_concat(const VjpArgs& a) {
  const int axis = axis_of(a.attrs);
  std::vector<Tensor> result(a.inputs.size());
  std::int64_t start = 0;
  for (std::size_t i = 0; i < a.inputs.size(); ++i) {
    const std::int64_t extent = a.inputs[i].shape()[axis];
    if (a.needs(i)) result[i] = narrow(a.cotangents[0], axis, start, extent);
    start += extent;
  }
  return result;
}

void require_some(const char* op, std::span<const Tensor> parts, Location where) {
  if (parts.empty()) throw Error(fmt::format("{}: no tensors given", op), where);
}

}  // namespace

void define_concat_ops(OpTable& table) {
  table.define({
      .name = "concat",
      .cls = OpClass::linear,
      .max_inputs = -1,
      .doc = "Tensors one after another along an axis.",
      .infer = infer_concat,
      .eval = eval_concat,
      .vjp = vjp_concat,
      .batch = rows_mix_along_axis,
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"axis", 1}},
                 {sample_values(Shape{2, 3}, 1), sample_values(Shape{2, 0}),
                  sample_values(Shape{2, 4}, 2)}},
                {{{"axis", 0}},
                 {sample_values(Shape{1, 2, 3}, 3), sample_values(Shape{2, 2, 3}, 4)}},
                {{{"axis", 1}},
                 {sample_values(Shape{2, 2, 3}, 5), sample_values(Shape{2, 1, 3}, 6),
                  sample_values(Shape{2, 3, 3}, 7)}},
                {{{"axis", 0}}, {sample_values(Shape{3})}},
            };
          },
  });
}

Tensor concat(std::span<const Tensor> parts, std::int64_t axis, Location where) {
  static const OpDef& op = find_op("concat");
  require_some("concat", parts, where);
  if (parts.size() == 1) {
    normalize_axis("concat", axis, parts[0].rank(), where);
    return parts[0];
  }
  return apply1(op, {{"axis", normalize_axis("concat", axis, parts[0].rank(), where)}}, parts,
                where);
}

Tensor stack(std::span<const Tensor> parts, std::int64_t axis, Location where) {
  require_some("stack", parts, where);
  const int a = normalize_axis("stack", axis, parts[0].rank() + 1, where);
  std::vector<Tensor> rows;
  for (const Tensor& p : parts) {
    if (p.shape() != parts[0].shape()) {
      throw Error(fmt::format("stack: {} among tensors of shape {}", p.spec().str(),
                              parts[0].shape().str()),
                  where);
    }
    rows.push_back(unsqueeze(p, a, where));
  }
  return concat(rows, a, where);
}

}  // namespace ingrad
