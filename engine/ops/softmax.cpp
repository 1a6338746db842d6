// SPDX-License-Identifier: Apache-2.0
// Softmax and log-softmax with fused kernels, forward and backward. The backward passes are ops of
// their own, functions of the output and its cotangent, so that they can be differentiated again.
#include "engine/ops/softmax.h"

#include "engine/dense.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reduction.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/softmax.h"

namespace ingrad {
namespace {

using Specs = std::span<const TensorSpec>;

int axis_of(const char* op, const Attrs& attrs, const Shape& shape, Location where) {
  return normalize_axis(op, attrs.integer("axis"), shape.rank(), where);
}

Tensor operand(const Tensor& x, const EvalArgs& a) {
  return dense(kernel_operand(x), a.backend, a.where);
}

std::vector<Sample> samples_of(int inputs) {
  const auto sample = [inputs](const Shape& shape, int axis) {
    Sample s{{{"axis", axis}}, {}};
    for (int i = 0; i < inputs; ++i) {
      s.inputs.push_back(sample_values(shape, static_cast<std::uint64_t>(i + 1)));
    }
    return s;
  };
  return {sample(Shape{3, 5}, 1),   sample(Shape{4, 3}, 0),   sample(Shape{2, 3, 7}, 1),
          sample(Shape{2, 37}, -1), sample(Shape{2, 9, 19}, 1), sample(Shape{0, 4}, 1),
          sample(Shape{4, 1}, 1)};
}

void define(OpTable& table, const char* name, const char* grad_name, bool log_of) {
  table.define({
      .name = name,
      .cls = OpClass::composite,
      .doc = log_of ? "Logarithm of the softmax along an axis."
                    : "Exponentials along an axis, divided by their sum.",
      .infer =
          [name](const Attrs& attrs, Specs in, Location where) {
            require_floating(name, in[0], where);
            axis_of(name, attrs, in[0].shape, where);
            return std::vector<TensorSpec>{in[0]};
          },
      .eval =
          [name, log_of](const EvalArgs& a) {
            const Tensor x = operand(a.inputs[0], a);
            const Tensor y = Tensor::empty(x.shape(), x.dtype(), a.where);
            const AxisView v = around(x.shape(), axis_of(name, a.attrs, x.shape(), a.where));
            const kernels::SoftmaxArgs args{x.raw(),  y.mutable_raw(), v.outer,
                                            v.extent, v.inner,         log_of};
            run_kernel(kernels::softmax, a.backend, x.dtype(), args, a.where);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y)};
          },
      .expand =
          [log_of](const Attrs& attrs, std::span<const Tensor> in) {
            const Tensor& x = in[0];
            const std::int64_t axis = attrs.integer("axis");
            if (x.dim(axis) == 0) return std::vector<Tensor>{x * 1.0};
            // The maximum only shifts: its derivative cancels.
            const Tensor t = x - amax(x.detach(), {axis}, true);
            const Tensor s = sum(exp(t), {axis}, true);
            return std::vector<Tensor>{log_of ? t - log(s) : exp(t) / s};
          },
      .vjp =
          [grad_name](const VjpArgs& a) {
            return std::vector<Tensor>{
                apply1(find_op(grad_name), a.attrs, {a.outputs[0], a.cotangents[0]})};
          },
      .reads = {Reads::output()},
      .batch = rows_mix_along_axis,
      .samples = [] { return samples_of(1); },
  });
  table.define({
      .name = grad_name,
      .cls = OpClass::composite,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = log_of ? "Backward pass of log_softmax, from its output and cotangent."
                    : "Backward pass of softmax, from its output and cotangent.",
      .infer =
          [grad_name](const Attrs& attrs, Specs in, Location where) {
            require_same(grad_name, in[0], in[1], where);
            axis_of(grad_name, attrs, in[0].shape, where);
            return std::vector<TensorSpec>{in[0]};
          },
      .eval =
          [grad_name, log_of](const EvalArgs& a) {
            const Tensor y = operand(a.inputs[0], a), dy = operand(a.inputs[1], a);
            const Tensor dx = Tensor::empty(y.shape(), y.dtype(), a.where);
            const AxisView v =
                around(y.shape(), axis_of(grad_name, a.attrs, y.shape(), a.where));
            const kernels::SoftmaxGradArgs args{y.raw(),  dy.raw(), dx.mutable_raw(), v.outer,
                                                v.extent, v.inner,  log_of};
            run_kernel(kernels::softmax_grad, a.backend, y.dtype(), args, a.where);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, dx)};
          },
      .expand =
          [log_of](const Attrs& attrs, std::span<const Tensor> in) {
            const Tensor &y = in[0], &g = in[1];
            const std::int64_t axis = attrs.integer("axis");
            if (log_of) return std::vector<Tensor>{g - exp(y) * sum(g, {axis}, true)};
            return std::vector<Tensor>{y * (g - sum(g * y, {axis}, true))};
          },
      .batch = rows_mix_along_axis,
      .samples =
          [log_of] {
            auto samples = samples_of(2);
            // Outputs as the forward pass gives them: logarithms are not positive.
            if (log_of) {
              for (Sample& s : samples) s.inputs[0] = s.inputs[0] - 2.0;
            }
            return samples;
          },
  });
}

Tensor along(const char* op, const Tensor& x, std::int64_t axis, Location where) {
  return apply1(find_op(op), {{"axis", normalize_axis(op, axis, x.rank(), where)}}, {x}, where);
}

}  // namespace

void define_softmax_ops(OpTable& table) {
  define(table, "softmax", "softmax_grad", false);
  define(table, "log_softmax", "log_softmax_grad", true);
}

Tensor softmax(const Tensor& x, std::int64_t axis, Location where) {
  return along("softmax", x, axis, where);
}

Tensor log_softmax(const Tensor& x, std::int64_t axis, Location where) {
  return along("log_softmax", x, axis, where);
}

}  // namespace ingrad
