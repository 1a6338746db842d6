// SPDX-License-Identifier: Apache-2.0
// Batch norm: statistics per channel, given (an affine map) or those of the batch. Both forward
// passes end in the kernel channel_affine, with the normalisation folded into its factors.
#include <fmt/format.h>

#include "engine/dense.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/norm.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shape.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/channel_factors.h"
#include "kernels/norm.h"

namespace ingrad {
namespace {

using kernels::ReduceKind;
using Specs = std::span<const TensorSpec>;

// All axes but the channels'.
Reduction over_channels(const Shape& x) {
  Reduction r;
  for (int i = 0; i < x.rank(); ++i) r.reduced[static_cast<std::size_t>(i)] = i != 1;
  return r;
}

Tensor sum_over(const Tensor& x) { return sum(x, over_channels(x.shape()).axes(x.rank())); }

// A value per channel, ready to broadcast against x.
Tensor per_channel(const Tensor& v, const Shape& x) {
  return with_reduced_axes(v, over_channels(x), x);
}

Tensor operand(const Tensor& x, const EvalArgs& a) {
  return dense(kernel_operand(x), a.backend, a.where);
}

void check(const char* op, Specs in, std::size_t data, Location where) {
  const TensorSpec& x = in[data];
  require_floating(op, x, where);
  if (x.shape.rank() < 2) {
    throw Error(fmt::format("{}: input is {}; expected [N, C, ...]", op, x.str()), where);
  }
  for (std::size_t i = 0; i < data; ++i) require_same(op, in[i], x, where);
  for (std::size_t i = data + 1; i < in.size(); ++i) {
    if (in[i].shape == Shape{x.shape[1]} && in[i].dtype == x.dtype) continue;
    throw Error(fmt::format("{}: operand {} is {}; expected {}[{}] (input {})", op, i, in[i].str(),
                            name_of(x.dtype), x.shape[1], x.str()),
                where);
  }
}

// y = x * a[c] + z * b[c] + d[c]; z with b may be undefined.
Tensor affine(const Tensor& x, const Tensor& z, const Tensor& a, const Tensor& b, const Tensor& d,
              const EvalArgs& call) {
  const Tensor y = Tensor::empty(x.shape(), x.dtype(), call.where);
  kernels::ChannelAffineArgs args;
  args.x = x.raw();
  args.z = z.defined() ? z.raw() : nullptr;
  args.a = a.raw();
  args.b = b.defined() ? b.raw() : nullptr;
  args.d = d.raw();
  args.y = y.mutable_raw();
  args.batch = x.shape()[0];
  args.channels = x.shape()[1];
  for (int i = 2; i < x.rank(); ++i) args.spatial *= x.shape()[i];
  run_kernel(kernels::channel_affine, call.backend, x.dtype(), args, call.where);
  return y;
}

// One of the operands, undefined when there are fewer.
Tensor operand_at(std::span<const Tensor> in, std::size_t i, const EvalArgs& call) {
  return i < in.size() ? operand(in[i], call) : Tensor();
}

// (x - mean) / sqrt(variance + epsilon) * weight + bias as one affine map; `parameters` start with
// the weight.
Tensor normalise(const Tensor& x, const Tensor& mean, const Tensor& variance,
                 std::span<const Tensor> parameters, const EvalArgs& call) {
  const Tensor weight = operand_at(parameters, 0, call), bias = operand_at(parameters, 1, call);
  const Tensor a = Tensor::empty(mean.shape(), x.dtype(), call.where);
  const Tensor d = Tensor::empty(mean.shape(), x.dtype(), call.where);
  kernels::ChannelFactorsArgs args;
  args.mean = mean.raw();
  args.variance = variance.raw();
  args.weight = weight.defined() ? weight.raw() : nullptr;
  args.bias = bias.defined() ? bias.raw() : nullptr;
  args.a = a.mutable_raw();
  args.d = d.mutable_raw();
  args.channels = mean.size();
  args.epsilon = call.attrs.number("epsilon");
  run_kernel(kernels::channel_factors, call.backend, x.dtype(), args, call.where);
  return affine(x, {}, a, {}, d, call);
}

// ---- given statistics: inputs (x, mean, variance[, weight[, bias]]) -----------------------------
std::vector<Tensor> expand_eval(const Attrs& attrs, std::span<const Tensor> in) {
  const Shape& x = in[0].shape();
  Tensor scale = rsqrt(in[2] + attrs.number("epsilon"));
  if (in.size() > 3) scale = scale * in[3];
  Tensor y = (in[0] - per_channel(in[1], x)) * per_channel(scale, x);
  if (in.size() > 4) y = y + per_channel(in[4], x);
  return {y};
}

std::vector<Tensor> vjp_eval(const VjpArgs& a) {
  const Tensor &x = a.inputs[0], &variance = a.inputs[2], &g = a.cotangents[0];
  const bool weighted = a.inputs.size() > 3;
  const OpDef& op = find_op("batch_norm_eval");
  std::vector<Tensor> out(a.inputs.size());
  const Tensor zero = Tensor::zeros(variance.shape(), variance.dtype());
  if (a.needs(0)) {
    // The map is linear in x - mean.
    out[0] = weighted ? apply1(op, a.attrs, {g, zero, variance, a.inputs[3]})
                      : apply1(op, a.attrs, {g, zero, variance});
  }
  const bool shift = a.needs(1) || (a.inputs.size() > 4 && a.needs(4));
  const bool scale = a.needs(2) || (weighted && a.needs(3));
  if (!shift && !scale) return out;
  const Tensor rstd = rsqrt(variance + a.attrs.number("epsilon"));
  const auto with_weight = [&](const Tensor& t) { return weighted ? t * a.inputs[3] : t; };
  if (shift) {
    const Tensor total = sum_over(g);
    if (a.needs(1)) out[1] = with_weight(-total * rstd);
    if (a.inputs.size() > 4 && a.needs(4)) out[4] = total;
  }
  if (scale) {
    const Tensor total = sum_over(g * apply1(op, a.attrs, {x, a.inputs[1], variance}));
    if (a.needs(2)) out[2] = with_weight(total * rstd * rstd * -0.5);
    if (weighted && a.needs(3)) out[3] = total;
  }
  return out;
}

Sample sample(const Shape& x, int leading, int positive, int parameters) {
  Sample s{{{"epsilon", 1e-3}}, {}};
  const Shape channels{x[1]};
  for (int i = 0; i < leading; ++i) {
    s.inputs.push_back(sample_values(x, static_cast<std::uint64_t>(i + 1)));
  }
  if (positive > 0) {
    s.inputs.push_back(sample_values(channels, 21));
    s.inputs.push_back(abs(sample_values(channels, 22)) + 0.5);
  }
  for (int i = 0; i < parameters; ++i) {
    s.inputs.push_back(sample_values(channels, static_cast<std::uint64_t>(i + 11)));
  }
  return s;
}

void define_eval(OpTable& table) {
  const Reads scale = Reads::input(2) | Reads::input(3);
  table.define({
      .name = "batch_norm_eval",
      .cls = OpClass::composite,
      .min_inputs = 3,
      .max_inputs = 5,
      .doc = "Batch norm with given statistics: an affine map per channel.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            attrs.number("epsilon");
            check("batch_norm_eval", in, 0, where);
            return std::vector<TensorSpec>{in[0]};
          },
      .eval =
          [](const EvalArgs& a) {
            const Tensor y = normalise(operand(a.inputs[0], a), operand(a.inputs[1], a),
                                       operand(a.inputs[2], a), a.inputs.subspan(3), a);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y)};
          },
      .expand = expand_eval,
      .vjp = vjp_eval,
      .reads = {scale, scale, scale | Reads::input(0) | Reads::input(1),
                scale | Reads::input(0) | Reads::input(1), scale},
      .batch = rows_stay_apart,
      .samples =
          [] {
            return std::vector<Sample>{
                sample(Shape{4, 3}, 1, 2, 0), sample(Shape{2, 3, 5}, 1, 2, 1),
                sample(Shape{2, 5, 3, 7}, 1, 2, 2), sample(Shape{0, 3, 2}, 1, 2, 2)};
          },
  });
}

// ---- statistics of the batch: inputs (x[, weight[, bias]]), outputs (y, mean, variance) ---------
std::vector<Tensor> expand_train(const Attrs& attrs, std::span<const Tensor> in) {
  const Tensor& x = in[0];
  const auto axes = over_channels(x.shape()).axes(x.rank());
  const Tensor m = mean(x, axes);
  const Tensor d = x - per_channel(m, x.shape());
  const Tensor v = mean(d * d, axes);
  Tensor scale = rsqrt(v + attrs.number("epsilon"));
  if (in.size() > 1) scale = scale * in[1];
  Tensor y = d * per_channel(scale, x.shape());
  if (in.size() > 2) y = y + per_channel(in[2], x.shape());
  return {y, m, v};
}

std::vector<Tensor> vjp_train(const VjpArgs& a) {
  const Tensor& x = a.inputs[0];
  const Shape& shape = x.shape();
  const auto n = static_cast<double>(over_channels(shape).extent(shape));
  std::vector<Tensor> out(a.inputs.size());
  const auto add_to_dx = [&](const Tensor& t) {
    if (a.needs(0)) out[0] = out[0].defined() ? out[0] + t : t;
  };
  if (a.cotangents[0].defined()) {
    std::vector<Tensor> in{a.cotangents[0], x, a.outputs[1], a.outputs[2]};
    if (a.inputs.size() > 1) in.push_back(a.inputs[1]);
    const auto parts = apply(find_op("batch_norm_train_grad"), a.attrs, in);
    add_to_dx(parts[0]);
    for (std::size_t i = 1; i < out.size(); ++i) out[i] = parts[i];
  }
  if (a.cotangents[1].defined()) {
    add_to_dx(expand(per_channel(a.cotangents[1] / n, shape), shape));
  }
  if (a.cotangents[2].defined()) {
    add_to_dx((x - per_channel(a.outputs[1], shape)) *
              per_channel(a.cotangents[2] * (2 / n), shape));
  }
  return out;
}

void define_train(OpTable& table) {
  const Reads everything = Reads::input(0) | Reads::input(1) | Reads::output(1) | Reads::output(2);
  table.define({
      .name = "batch_norm_train",
      .cls = OpClass::composite,
      .min_inputs = 1,
      .max_inputs = 3,
      .doc = "Batch norm with the statistics of the batch, which are outputs as well.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            attrs.number("epsilon");
            check("batch_norm_train", in, 0, where);
            const TensorSpec statistics{Shape{in[0].shape[1]}, in[0].dtype, in[0].device};
            return std::vector<TensorSpec>{in[0], statistics, statistics};
          },
      .eval =
          [](const EvalArgs& a) {
            const Tensor x = operand(a.inputs[0], a);
            const Reduction r = over_channels(x.shape());
            const Shape& channels = a.outputs[1].shape;
            KernelOperands k;
            k.divisor = static_cast<double>(r.extent(x.shape()));
            k.shift = reduce_elements(ReduceKind::sum, x, r, channels, x.dtype(), a, k);
            const Tensor variance =
                reduce_elements(ReduceKind::sum_square, x, r, channels, x.dtype(), a, k);
            const Tensor y = normalise(x, k.shift, variance, a.inputs.subspan(1), a);
            const DType t = a.outputs[0].dtype;
            return std::vector<Tensor>{rounded_to(t, y), rounded_to(t, k.shift),
                                       rounded_to(t, variance)};
          },
      .expand = expand_train,
      .vjp = vjp_train,
      .reads = {everything},
      .batch = rows_mix,
      .samples =
          [] {
            return std::vector<Sample>{sample(Shape{6, 3}, 1, 0, 0),
                                       sample(Shape{3, 2, 5}, 1, 0, 1),
                                       sample(Shape{2, 5, 3, 7}, 1, 0, 2)};
          },
  });
}

// ---- its backward pass: (g, x, mean, variance[, weight]) to (dx, dweight, dbias)
// -----------------
std::vector<Tensor> expand_train_grad(const Attrs& attrs, std::span<const Tensor> in) {
  const Tensor &g = in[0], &x = in[1];
  const Shape& shape = x.shape();
  const auto n = static_cast<double>(over_channels(shape).extent(shape));
  const Tensor rstd = rsqrt(in[3] + attrs.number("epsilon"));
  const Tensor h = (x - per_channel(in[2], shape)) * per_channel(rstd, shape);
  const Tensor dbias = sum_over(g), dweight = sum_over(g * h);
  const Tensor t = g - per_channel(dbias / n, shape) - h * per_channel(dweight / n, shape);
  return {t * per_channel(in.size() > 4 ? rstd * in[4] : rstd, shape), dweight, dbias};
}

// dx is an affine map of g and x (kernels/channel_factors.h).
std::vector<Tensor> eval_train_grad(const EvalArgs& a) {
  const Tensor g = operand(a.inputs[0], a), x = operand(a.inputs[1], a);
  const Tensor mean = operand(a.inputs[2], a), variance = operand(a.inputs[3], a);
  const Tensor weight = operand_at(a.inputs, 4, a);
  const Reduction reduction = over_channels(x.shape());
  const Shape& shape = a.outputs[1].shape;
  KernelOperands k;
  const Tensor sum = reduce_elements(ReduceKind::sum, g, reduction, shape, g.dtype(), a);
  k.shift = mean;
  k.other = g;
  const Tensor product =
      reduce_elements(ReduceKind::sum_product, x, reduction, shape, x.dtype(), a, k);
  const auto made = [&] { return Tensor::empty(shape, x.dtype(), a.where); };
  const Tensor of_g = made(), of_x = made(), constant = made(), dweight = made();
  kernels::ChannelGradFactorsArgs args;
  args.mean = mean.raw();
  args.variance = variance.raw();
  args.weight = weight.defined() ? weight.raw() : nullptr;
  args.sum = sum.raw();
  args.product = product.raw();
  args.of_g = of_g.mutable_raw();
  args.of_x = of_x.mutable_raw();
  args.constant = constant.mutable_raw();
  args.dweight = dweight.mutable_raw();
  args.channels = shape.size();
  args.count = static_cast<double>(reduction.extent(x.shape()));
  args.epsilon = a.attrs.number("epsilon");
  run_kernel(kernels::channel_grad_factors, a.backend, x.dtype(), args, a.where);
  const DType t = a.outputs[0].dtype;
  return {rounded_to(t, affine(g, x, of_g, of_x, constant, a)), rounded_to(t, dweight),
          rounded_to(t, sum)};
}

void define_train_grad(OpTable& table) {
  table.define({
      .name = "batch_norm_train_grad",
      .cls = OpClass::composite,
      .min_inputs = 4,
      .max_inputs = 5,
      .doc = "Backward pass of batch_norm_train to input, weight and bias.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            attrs.number("epsilon");
            check("batch_norm_train_grad", in, 1, where);
            const TensorSpec channels{Shape{in[1].shape[1]}, in[1].dtype, in[1].device};
            return std::vector<TensorSpec>{in[1], channels, channels};
          },
      .eval = eval_train_grad,
      .expand = expand_train_grad,
      .batch = rows_mix,
      .samples =
          [] {
            return std::vector<Sample>{sample(Shape{6, 3}, 2, 2, 0),
                                       sample(Shape{3, 2, 5}, 2, 2, 1),
                                       sample(Shape{2, 5, 3, 7}, 2, 2, 1)};
          },
  });
}

// Bias without weight: a weight of ones.
void append_parameters(std::vector<Tensor>& in, const Tensor& weight, const Tensor& bias) {
  if (weight.defined()) {
    in.push_back(weight);
  } else if (bias.defined()) {
    in.push_back(Tensor::ones(bias.shape(), bias.dtype()));
  }
  if (bias.defined()) in.push_back(bias);
}

Tensor running(const Tensor& before, const Tensor& batch, double momentum) {
  if (!before.defined()) return {};
  return before.detach() * (1 - momentum) + batch.detach() * momentum;
}

}  // namespace

void define_channel_norm_ops(OpTable& table) {
  define_eval(table);
  define_train(table);
  define_train_grad(table);
}

Tensor batch_norm_eval(const Tensor& x, const Tensor& mean, const Tensor& variance,
                       const Tensor& weight, const Tensor& bias, double epsilon, Location where) {
  std::vector<Tensor> in{x, mean, variance};
  append_parameters(in, weight, bias);
  return apply1(find_op("batch_norm_eval"), {{"epsilon", epsilon}}, in, where);
}

BatchNormResult batch_norm_train(const Tensor& x, const Tensor& running_mean,
                                 const Tensor& running_variance, const Tensor& weight,
                                 const Tensor& bias, double momentum, double epsilon,
                                 Location where) {
  const auto n = x.rank() < 2 ? 0 : over_channels(x.shape()).extent(x.shape());
  if (n == 1) {
    throw Error(
        fmt::format("batch_norm_train: one value per channel in {}; expected more", x.spec().str()),
        where);
  }
  std::vector<Tensor> in{x};
  append_parameters(in, weight, bias);
  const auto out = apply(find_op("batch_norm_train"), {{"epsilon", epsilon}}, in, where);
  const double unbiased = static_cast<double>(n) / static_cast<double>(n - 1);
  return {out[0], running(running_mean, out[1], momentum),
          running(running_variance, out[2].detach() * unbiased, momentum)};
}

}  // namespace ingrad
