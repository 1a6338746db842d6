// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/reduction.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/dense.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/shape.h"
#include "engine/parallel.h"

namespace ingrad {

Reduction Reduction::of(std::string_view op, const Attrs& attrs, const Shape& shape,
                        Location where) {
  return {normalize_axes(op, attrs.ints("axes"), shape.rank(), where), attrs.flag("keepdim")};
}

Shape Reduction::with_ones(const Shape& shape) const {
  Shape s = shape;
  for (int i = 0; i < shape.rank(); ++i) {
    if (reduced[static_cast<std::size_t>(i)]) s = s.with(i, 1);
  }
  return s;
}

Shape Reduction::output(const Shape& shape) const {
  if (keepdim) return with_ones(shape);
  Shape s = shape;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (reduced[static_cast<std::size_t>(i)]) s = s.without(i);
  }
  return s;
}

std::int64_t Reduction::extent(const Shape& shape) const {
  std::int64_t n = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (reduced[static_cast<std::size_t>(i)]) n *= shape[i];
  }
  return n;
}

std::vector<std::int64_t> Reduction::axes(int rank) const {
  std::vector<std::int64_t> list;
  for (int i = 0; i < rank; ++i) {
    if (reduced[static_cast<std::size_t>(i)]) list.push_back(i);
  }
  return list;
}

Attrs reduction_attrs(std::string_view op, const Tensor& x, IntList axes, bool keepdim,
                      Location where) {
  const Reduction r{normalize_axes(op, axes, x.rank(), where), keepdim};
  return {{"axes", r.axes(x.rank())}, {"keepdim", keepdim}};
}

Tensor with_reduced_axes(const Tensor& per_output, const Reduction& r, const Shape& shape) {
  return reshape(per_output, r.with_ones(shape));
}

Tensor spread(const Tensor& per_output, const Reduction& r, const Shape& shape) {
  return expand(with_reduced_axes(per_output, r, shape), shape);
}

BatchBehaviour reduction_batch(const Attrs& attrs, std::span<const TensorSpec> in) {
  const Shape& shape = in[0].shape;
  const Reduction r{normalize_axes("reduction", attrs.ints("axes"), shape.rank()), false};
  return shape.rank() == 0 || r.reduced[0] ? BatchBehaviour::mixes_rows : BatchBehaviour::per_row;
}

void require_floating(std::string_view op, const TensorSpec& x, Location where) {
  if (is_floating(x.dtype)) return;
  throw Error(fmt::format("{}: input is {}; expected a floating dtype", op, x.str()), where);
}

void require_same(std::string_view op, const TensorSpec& a, const TensorSpec& b, Location where) {
  require_floating(op, a, where);
  if (a.shape == b.shape && a.dtype == b.dtype) return;
  throw Error(fmt::format("{}: inputs are {} and {}; expected one shape and dtype", op, a.str(),
                          b.str()),
              where);
}

void require_elements(std::string_view op, const TensorSpec& x, const Reduction& r,
                      Location where) {
  if (r.extent(x.shape) > 0) return;
  throw Error(fmt::format("{}: no elements to choose from in {} over axes [{}]", op, x.str(),
                          fmt::join(r.axes(x.shape.rank()), ", ")),
              where);
}

Tensor kernel_operand(const Tensor& x) {
  const bool half = x.dtype() == DType::bf16 || x.dtype() == DType::f16;
  return half ? cast(x, DType::f32) : x;
}

Tensor rounded_to(DType dtype, const Tensor& x) { return x.dtype() == dtype ? x : cast(x, dtype); }

Tensor reduce_elements(kernels::ReduceKind kind, const Tensor& x, const Reduction& r,
                       const Shape& shape, DType dtype, const EvalArgs& call,
                       const KernelOperands& operands) {
  kernels::ReduceArgs a;
  a.kind = kind;
  Tensor in = x, other = operands.other;
  if (other.defined() && other.strides() != in.strides()) {
    in = dense(in, call.backend, call.where);
    other = dense(other, call.backend, call.where);
  }
  for (int i = 0; i < in.rank(); ++i) {
    const auto axis = static_cast<std::size_t>(i);
    kernels::ReduceAxes& axes = r.reduced[axis] ? a.reduced : a.kept;
    axes.size[static_cast<std::size_t>(axes.rank)] = in.shape()[i];
    axes.stride[static_cast<std::size_t>(axes.rank++)] = in.strides()[axis];
  }
  kernels::simplify(a);
  a.in = in.raw();
  a.other = other.defined() ? other.raw() : nullptr;
  a.shift = operands.shift.defined() ? operands.shift.raw() : nullptr;
  a.divisor = operands.divisor;
  const Tensor out = Tensor::empty(shape, dtype, call.where);
  a.segments = call.backend == Backend::cpu ? kernels::segments_for(a, in.dtype()) : 1;
  if (a.segments == 1) {
    a.out = out.mutable_raw();
    run_kernel(kernels::reduce, call.backend, in.dtype(), a, call.where);
    return out;
  }
  const Tensor partial = Tensor::empty(Shape{a.segments, out.size()}, dtype, call.where);
  a.out = partial.mutable_raw();
  run_kernel(kernels::reduce, call.backend, in.dtype(), a, call.where);
  const kernels::ReduceCombineArgs c{kind,       partial.raw(), out.mutable_raw(),
                                     out.size(), a.segments,    operands.divisor};
  run_kernel(kernels::reduce_combine, call.backend, in.dtype(), c, call.where);
  return out;
}

}  // namespace ingrad
