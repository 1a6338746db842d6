// SPDX-License-Identifier: Apache-2.0
// sum, mean, variance, counts: linear reductions and those built on them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

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

DType sum_dtype(DType t) { return is_floating(t) ? t : DType::i64; }

std::vector<Tensor> eval_as(ReduceKind kind, const char* op, const EvalArgs& a, bool is_mean) {
  const Tensor x = kernel_operand(a.inputs[0]);
  const Reduction r = Reduction::of(op, a.attrs, x.shape(), a.where);
  const DType computed = kind == ReduceKind::count_nonzero ? DType::i64 : sum_dtype(x.dtype());
  KernelOperands operands;
  if (is_mean) operands.divisor = static_cast<double>(r.extent(x.shape()));
  const Tensor y =
      reduce_elements(kind, x, r, a.outputs[0].shape, computed, a, operands);
  return {rounded_to(a.outputs[0].dtype, y)};
}

std::vector<Sample> axis_samples() {
  const auto sample = [](const Shape& shape, Ints axes, bool keepdim) {
    return Sample{{{"axes", std::move(axes)}, {"keepdim", keepdim}}, {sample_values(shape, 2)}};
  };
  return {sample(Shape{3, 5}, {1}, false),       sample(Shape{3, 5}, {0}, true),
          sample(Shape{2, 3, 4}, {0, 2}, false), sample(Shape{2, 7, 5}, {}, false),
          sample(Shape{4, 37, 19}, {1}, true),   sample(Shape{}, {}, false),
          sample(Shape{1, 9}, {0}, false),       sample(Shape{2, 1100}, {1}, false),
          sample(Shape{0, 3}, {1}, false)};
}

void define_sum(OpTable& table) {
  const auto samples_with_empty = [] {
    auto s = axis_samples();
    s.push_back({{{"axes", Ints{0}}, {"keepdim", false}}, {sample_values(Shape{0, 3})}});
    return s;
  };
  table.define({
      .name = "sum",
      .cls = OpClass::linear,
      .doc = "Sum over axes.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const Reduction r = Reduction::of("sum", attrs, in[0].shape, where);
            return std::vector<TensorSpec>{
                {r.output(in[0].shape), sum_dtype(in[0].dtype), in[0].device}};
          },
      .eval = [](const EvalArgs& a) { return eval_as(ReduceKind::sum, "sum", a, false); },
      .vjp =
          [](const VjpArgs& a) {
            const Shape& shape = a.inputs[0].shape();
            const Reduction r = Reduction::of("sum", a.attrs, shape);
            return std::vector<Tensor>{spread(a.cotangents[0], r, shape)};
          },
      .batch = reduction_batch,
      .samples = samples_with_empty,
  });
  table.define({
      .name = "mean",
      .cls = OpClass::linear,
      .doc = "Mean over axes.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_floating("mean", in[0], where);
            const Reduction r = Reduction::of("mean", attrs, in[0].shape, where);
            return std::vector<TensorSpec>{{r.output(in[0].shape), in[0].dtype, in[0].device}};
          },
      .eval = [](const EvalArgs& a) { return eval_as(ReduceKind::sum, "mean", a, true); },
      .vjp =
          [](const VjpArgs& a) {
            const Shape& shape = a.inputs[0].shape();
            const Reduction r = Reduction::of("mean", a.attrs, shape);
            const auto n = static_cast<double>(r.extent(shape));
            return std::vector<Tensor>{spread(a.cotangents[0] / n, r, shape)};
          },
      .batch = reduction_batch,
      .samples = axis_samples,
  });
  table.define({
      .name = "count_nonzero",
      .cls = OpClass::selection,
      .doc = "Number of nonzero elements over axes.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const Reduction r = Reduction::of("count_nonzero", attrs, in[0].shape, where);
            return std::vector<TensorSpec>{{r.output(in[0].shape), DType::i64, in[0].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            return eval_as(ReduceKind::count_nonzero, "count_nonzero", a, false);
          },
      .batch = reduction_batch,
      .samples = samples_with_empty,
  });
}

// n - correction, at least 0: a single element has no unbiased variance, and gives NaN.
double degrees_of_freedom(const Reduction& r, const Shape& shape, double correction) {
  return std::max(0.0, static_cast<double>(r.extent(shape)) - correction);
}

void define_var(OpTable& table) {
  table.define({
      .name = "var",
      .cls = OpClass::composite,
      .doc = "Mean squared deviation over axes, divisor n - correction.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_floating("var", in[0], where);
            attrs.number("correction");
            const Reduction r = Reduction::of("var", attrs, in[0].shape, where);
            return std::vector<TensorSpec>{{r.output(in[0].shape), in[0].dtype, in[0].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const Tensor x = kernel_operand(a.inputs[0]);
            const Reduction r = Reduction::of("var", a.attrs, x.shape(), a.where);
            const Shape& shape = a.outputs[0].shape;
            KernelOperands operands;
            operands.divisor = static_cast<double>(r.extent(x.shape()));
            operands.shift =
                reduce_elements(ReduceKind::sum, x, r, shape, x.dtype(), a, operands);
            operands.divisor = degrees_of_freedom(r, x.shape(), a.attrs.number("correction"));
            const Tensor y =
                reduce_elements(ReduceKind::sum_square, x, r, shape, x.dtype(), a, operands);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y)};
          },
      .expand =
          [](const Attrs& attrs, std::span<const Tensor> in) {
            const Tensor& x = in[0];
            const Reduction r = Reduction::of("var", attrs, x.shape());
            const auto axes = r.axes(x.rank());
            const Tensor deviation = x - mean(x, axes, true);
            const double n = degrees_of_freedom(r, x.shape(), attrs.number("correction"));
            return std::vector<Tensor>{sum(deviation * deviation, axes, r.keepdim) / n};
          },
      .vjp =
          [](const VjpArgs& a) {
            const Tensor& x = a.inputs[0];
            const Reduction r = Reduction::of("var", a.attrs, x.shape());
            const double n = degrees_of_freedom(r, x.shape(), a.attrs.number("correction"));
            const Tensor g = with_reduced_axes(a.cotangents[0] * (2 / n), r, x.shape());
            return std::vector<Tensor>{g * (x - mean(x, r.axes(x.rank()), true))};
          },
      .reads = {Reads::input(0)},
      .batch = reduction_batch,
      .samples =
          [] {
            std::vector<Sample> all;
            for (const double correction : {1.0, 0.0}) {
              for (Sample s : axis_samples()) {
                const Reduction r = Reduction::of("var", s.attrs, s.inputs[0].shape());
                s.attrs.set("correction", correction);
                if (r.extent(s.inputs[0].shape()) > 1 || correction == 0) all.push_back(s);
              }
            }
            return all;
          },
  });
}

Tensor reduced(const char* op, const Tensor& x, IntList axes, bool keepdim, Location where) {
  return apply1(find_op(op), reduction_attrs(op, x, axes, keepdim, where), {x}, where);
}

}  // namespace

void define_sum_ops(OpTable& table) {
  define_sum(table);
  define_var(table);
}

Tensor sum(const Tensor& x, IntList axes, bool keepdim, Location where) {
  return reduced("sum", x, axes, keepdim, where);
}

Tensor mean(const Tensor& x, IntList axes, bool keepdim, Location where) {
  return reduced("mean", x, axes, keepdim, where);
}

Tensor count_nonzero(const Tensor& x, IntList axes, bool keepdim, Location where) {
  return reduced("count_nonzero", x, axes, keepdim, where);
}

Tensor var(const Tensor& x, IntList axes, double correction, bool keepdim, Location where) {
  static const OpDef& op = find_op("var");
  Attrs attrs = reduction_attrs("var", x, axes, keepdim, where);
  return apply1(op, attrs.set("correction", correction), {x}, where);
}

Tensor stddev(const Tensor& x, IntList axes, double correction, bool keepdim, Location where) {
  return sqrt(var(x, axes, correction, keepdim, where), where);
}

}  // namespace ingrad
