// SPDX-License-Identifier: Apache-2.0
// Extrema, their positions, any and all.
#include <fmt/format.h>

#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shape.h"
#include "engine/ops/table.h"

namespace ingrad {
namespace {

using kernels::ReduceKind;
using Specs = std::span<const TensorSpec>;
using Ints = Attr::Ints;

Sample sample(const Tensor& x, Ints axes, bool keepdim) {
  return {{{"axes", std::move(axes)}, {"keepdim", keepdim}}, {x}};
}

std::vector<Sample> axis_samples() {
  return {sample(sample_values(Shape{3, 5}, 2), {1}, false),
          sample(sample_values(Shape{2, 3, 4}, 2), {0, 2}, true),
          sample(sample_values(Shape{33, 6}, 2), {0}, false),
          sample(sample_values(Shape{2, 3, 7}, 2), {}, false),
          sample(sample_values(Shape{}, 2), {}, false),
          sample(sample_values(Shape{0, 3}), {1}, true)};
}

// One axis, or all of them with linear positions.
std::vector<Sample> position_samples() {
  return {sample(sample_values(Shape{3, 5}, 2), {1}, false),
          sample(sample_values(Shape{33, 6}, 2), {0}, true),
          sample(sample_values(Shape{2, 3, 70}, 2), {1}, false),
          sample(sample_values(Shape{2, 3, 7}, 2), {0, 1, 2}, false)};
}

// ---- values -----------------------------------------------------------------------------------
void define_extremum(OpTable& table, const char* name, const char* doc, ReduceKind kind) {
  table.define({
      .name = name,
      .cls = OpClass::selection,
      .doc = doc,
      .infer =
          [name](const Attrs& attrs, Specs in, Location where) {
            const Reduction r = Reduction::of(name, attrs, in[0].shape, where);
            require_elements(name, in[0], r, where);
            return std::vector<TensorSpec>{{r.output(in[0].shape), in[0].dtype, in[0].device}};
          },
      .eval =
          [name, kind](const EvalArgs& a) {
            const Tensor x = kernel_operand(a.inputs[0]);
            const Reduction r = Reduction::of(name, a.attrs, x.shape(), a.where);
            const Tensor y =
                reduce_elements(kind, x, r, a.outputs[0].shape, x.dtype(), a);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y)};
          },
      .vjp =
          [name](const VjpArgs& a) {
            const Tensor& x = a.inputs[0];
            const Reduction r = Reduction::of(name, a.attrs, x.shape());
            const Tensor y = with_reduced_axes(a.outputs[0], r, x.shape());
            const Tensor extreme = cast(eq(x, y), x.dtype());
            const Tensor g = with_reduced_axes(a.cotangents[0], r, x.shape());
            return std::vector<Tensor>{extreme * (g / sum(extreme, r.axes(x.rank()), true))};
          },
      .reads = {Reads::input(0) | Reads::output()},
      .batch = reduction_batch,
      .samples = axis_samples,
  });
}

// ---- positions --------------------------------------------------------------------------------
void require_one_axis_or_all(std::string_view op, const Reduction& r, const Shape& shape,
                             Location where) {
  const auto axes = r.axes(shape.rank());
  if (axes.size() <= 1 || static_cast<int>(axes.size()) == shape.rank()) return;
  throw Error(fmt::format("{}: {} axes of {}; expected one or all", op, axes.size(), shape.str()),
              where);
}

Tensor positions(ReduceKind kind, const Tensor& x, const Reduction& r, const Shape& shape,
                 const EvalArgs& a) {
  return reduce_elements(kind, x, r, shape, DType::i64, a);
}

void define_position(OpTable& table, const char* name, const char* doc, ReduceKind kind) {
  table.define({
      .name = name,
      .cls = OpClass::selection,
      .doc = doc,
      .infer =
          [name](const Attrs& attrs, Specs in, Location where) {
            const Reduction r = Reduction::of(name, attrs, in[0].shape, where);
            require_one_axis_or_all(name, r, in[0].shape, where);
            require_elements(name, in[0], r, where);
            return std::vector<TensorSpec>{{r.output(in[0].shape), DType::i64, in[0].device}};
          },
      .eval =
          [name, kind](const EvalArgs& a) {
            const Tensor x = kernel_operand(a.inputs[0]);
            const Reduction r = Reduction::of(name, a.attrs, x.shape(), a.where);
            return std::vector<Tensor>{positions(kind, x, r, a.outputs[0].shape, a)};
          },
      .batch = reduction_batch,
      .samples = position_samples,
  });
}

// ---- values with positions --------------------------------------------------------------------
// The elements of x at `index` along one axis, as a mask over x: comparing the index with the
// axis' own coordinates.
Tensor chosen(const Tensor& index, const Reduction& r, const Shape& shape) {
  const auto axis = static_cast<int>(r.axes(shape.rank())[0]);
  Shape along = r.with_ones(shape);
  for (int i = 0; i < shape.rank(); ++i) along = along.with(i, i == axis ? shape[i] : 1);
  const Tensor coordinate = reshape(Tensor::arange(shape[axis]), along);
  return eq(coordinate, with_reduced_axes(index, r, shape));
}

void define_choice(OpTable& table, const char* name, const char* doc, ReduceKind value_kind,
                   ReduceKind position_kind) {
  table.define({
      .name = name,
      .cls = OpClass::selection,
      .doc = doc,
      .infer =
          [name](const Attrs& attrs, Specs in, Location where) {
            const Shape& shape = in[0].shape;
            const Reduction r = Reduction::of(name, attrs, shape, where);
            if (r.axes(shape.rank()).size() != 1) {
              throw Error(fmt::format("{}: {} axes given, expected one", name,
                                      r.axes(shape.rank()).size()),
                          where);
            }
            require_elements(name, in[0], r, where);
            return std::vector<TensorSpec>{{r.output(shape), in[0].dtype, in[0].device},
                                           {r.output(shape), DType::i64, in[0].device}};
          },
      .eval =
          [name, value_kind, position_kind](const EvalArgs& a) {
            const Tensor x = kernel_operand(a.inputs[0]);
            const Reduction r = Reduction::of(name, a.attrs, x.shape(), a.where);
            const Shape& shape = a.outputs[0].shape;
            const Tensor y = reduce_elements(value_kind, x, r, shape, x.dtype(), a);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y),
                                       positions(position_kind, x, r, shape, a)};
          },
      .vjp =
          [name](const VjpArgs& a) {
            const Shape& shape = a.inputs[0].shape();
            const Reduction r = Reduction::of(name, a.attrs, shape);
            const Tensor mask = cast(chosen(a.outputs[1], r, shape), a.cotangents[0].dtype());
            return std::vector<Tensor>{mask * with_reduced_axes(a.cotangents[0], r, shape)};
          },
      .reads = {Reads::output(1)},
      .batch = reduction_batch,
      .samples =
          [] {
            auto s = position_samples();
            s.pop_back();
            return s;
          },
  });
}

// ---- truth ------------------------------------------------------------------------------------
void define_truth(OpTable& table, const char* name, const char* doc, ReduceKind kind) {
  table.define({
      .name = name,
      .cls = OpClass::selection,
      .doc = doc,
      .infer =
          [name](const Attrs& attrs, Specs in, Location where) {
            const Reduction r = Reduction::of(name, attrs, in[0].shape, where);
            return std::vector<TensorSpec>{{r.output(in[0].shape), DType::boolean, in[0].device}};
          },
      .eval =
          [name, kind](const EvalArgs& a) {
            const Tensor x = kernel_operand(a.inputs[0]);
            const Reduction r = Reduction::of(name, a.attrs, x.shape(), a.where);
            return std::vector<Tensor>{
                reduce_elements(kind, x, r, a.outputs[0].shape, DType::boolean, a)};
          },
      .batch = reduction_batch,
      .samples =
          [] {
            const Tensor mixed =
                Tensor::from<double>({0, 0, 0, 1.5, 0, -2, 3, 1, 2}, Shape{3, 3});
            const Tensor flags =
                Tensor::from<bool>({true, false, true, true, false, false}, Shape{2, 3});
            return std::vector<Sample>{sample(mixed, {1}, false), sample(mixed, {0}, true),
                                       sample(flags, {}, false), sample(flags, {0}, false),
                                       sample(sample_values(Shape{0, 2}), {0}, false)};
          },
  });
}

Tensor reduced(const char* op, const Tensor& x, IntList axes, bool keepdim, Location where) {
  return apply1(find_op(op), reduction_attrs(op, x, axes, keepdim, where), {x}, where);
}

ValuesAndIndices choice(const char* op, const Tensor& x, std::int64_t axis, bool keepdim,
                        Location where) {
  auto out = apply(find_op(op), reduction_attrs(op, x, {axis}, keepdim, where), {{x}}, where);
  return {out[0], out[1]};
}

Tensor position(const char* op, const Tensor& x, std::optional<std::int64_t> axis, bool keepdim,
                Location where) {
  return axis ? reduced(op, x, {*axis}, keepdim, where) : reduced(op, x, {}, keepdim, where);
}

}  // namespace

void define_extremum_ops(OpTable& table) {
  define_extremum(table, "amax", "Largest element over axes; ties share the gradient.",
                  ReduceKind::maximum);
  define_extremum(table, "amin", "Smallest element over axes; ties share the gradient.",
                  ReduceKind::minimum);
  define_position(table, "argmax", "Position of the first largest element.",
                  ReduceKind::arg_maximum);
  define_position(table, "argmin", "Position of the first smallest element.",
                  ReduceKind::arg_minimum);
  define_choice(table, "max", "Largest element along an axis, and its position.",
                ReduceKind::maximum, ReduceKind::arg_maximum);
  define_choice(table, "min", "Smallest element along an axis, and its position.",
                ReduceKind::minimum, ReduceKind::arg_minimum);
  define_truth(table, "any", "Is some element over the axes not zero?", ReduceKind::any);
  define_truth(table, "all", "Is every element over the axes not zero?", ReduceKind::all);
}

Tensor amax(const Tensor& x, IntList axes, bool keepdim, Location where) {
  return reduced("amax", x, axes, keepdim, where);
}
Tensor amin(const Tensor& x, IntList axes, bool keepdim, Location where) {
  return reduced("amin", x, axes, keepdim, where);
}
ValuesAndIndices max(const Tensor& x, std::int64_t axis, bool keepdim, Location where) {
  return choice("max", x, axis, keepdim, where);
}
ValuesAndIndices min(const Tensor& x, std::int64_t axis, bool keepdim, Location where) {
  return choice("min", x, axis, keepdim, where);
}
Tensor argmax(const Tensor& x, std::optional<std::int64_t> axis, bool keepdim, Location where) {
  return position("argmax", x, axis, keepdim, where);
}
Tensor argmin(const Tensor& x, std::optional<std::int64_t> axis, bool keepdim, Location where) {
  return position("argmin", x, axis, keepdim, where);
}
Tensor any(const Tensor& x, IntList axes, bool keepdim, Location where) {
  return reduced("any", x, axes, keepdim, where);
}
Tensor all(const Tensor& x, IntList axes, bool keepdim, Location where) {
  return reduced("all", x, axes, keepdim, where);
}

}  // namespace ingrad
