// SPDX-License-Identifier: Apache-2.0
// Layer, RMS, group and instance norm: one scheme, normalised rows with parameters per channel. The
// ops differ in how a shape reads as rows, and in whether the mean is taken off.
#include <fmt/format.h>

#include <algorithm>

#include "engine/dense.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/norm.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shape.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/norm.h"

namespace ingrad {
namespace {

using Specs = std::span<const TensorSpec>;

// x as [rows][channels * spatial]; see kernels/norm.h.
struct Rows {
  std::int64_t rows = 1, groups = 1, channels = 1, spatial = 1;
  Shape parameter;  // of weight and bias
  Shape broadcast;  // the same, ready to broadcast against x
};

struct Scheme {
  const char* name;
  const char* grad_name;
  const char* doc;
  const char* grad_doc;
  bool centred;
  Rows (*rows)(const char* name, const Attrs&, const Shape&, Location);
  std::vector<Sample> (*samples)(int leading_inputs);
};

// Attribute "rank": the number of trailing axes that are normalised.
Rows trailing_rows(const char* name, const Attrs& attrs, const Shape& x, Location where) {
  const std::int64_t rank = attrs.integer("rank");
  if (rank < 1 || rank > x.rank()) {
    throw Error(fmt::format("{}: {} normalised axes; input is {}", name, rank, x.str()), where);
  }
  const auto lead = static_cast<std::size_t>(x.rank() - rank);
  Rows r;
  for (std::size_t i = 0; i < x.extents().size(); ++i) {
    (i < lead ? r.rows : r.channels) *= x.extents()[i];
  }
  r.parameter = Shape(x.extents().subspan(lead));
  r.broadcast = r.parameter;
  return r;
}

// Attribute "groups" of the channels on axis 1.
Rows grouped_rows(const char* name, const Attrs& attrs, const Shape& x, Location where) {
  const std::int64_t groups = attrs.integer("groups");
  if (x.rank() < 2 || groups < 1 || x[1] % groups != 0) {
    throw Error(fmt::format("{}: {} groups of the channels of {}; expected [N, C, ...] and a "
                            "divisor of C",
                            name, groups, x.str()),
                where);
  }
  Rows r;
  r.rows = x[0] * groups;
  r.groups = groups;
  r.channels = x[1] / groups;
  for (int i = 2; i < x.rank(); ++i) r.spatial *= x[i];
  r.parameter = Shape{x[1]};
  r.broadcast = Shape{x[1]};
  for (int i = 2; i < x.rank(); ++i) r.broadcast = r.broadcast.with_inserted(i - 1, 1);
  return r;
}

void check_parameter(const char* name, const char* role, const TensorSpec& p, const TensorSpec& x,
                     const Rows& r, Location where) {
  if (p.shape == r.parameter && p.dtype == x.dtype) return;
  throw Error(fmt::format("{}: {} is {}; expected {}{} (input {})", name, role, p.str(),
                          name_of(x.dtype), r.parameter.str(), x.str()),
              where);
}

Tensor operand(const Tensor& x, const EvalArgs& a) {
  return dense(kernel_operand(x), a.backend, a.where);
}

// ---- forward ----------------------------------------------------------------------------------
// In basic ops: x in rows with its root mean square normalised to 1, and the factors that did it.
struct Normalised {
  Tensor h;     // [rows, n]
  Tensor rstd;  // [rows, 1]
};
Normalised normalised(const Scheme& s, const Rows& r, const Tensor& x, double epsilon) {
  Tensor d = reshape(x, Shape{r.rows, r.channels * r.spatial});
  if (s.centred) d = d - mean(d, {1}, true);
  const Tensor rstd = rsqrt(mean(d * d, {1}, true) + epsilon);
  return {d * rstd, rstd};
}

std::vector<Tensor> eval_forward(const Scheme& s, const EvalArgs& a) {
  const Tensor x = operand(a.inputs[0], a);
  const Rows r = s.rows(s.name, a.attrs, x.shape(), a.where);
  const Tensor weight = a.inputs.size() > 1 ? operand(a.inputs[1], a) : Tensor();
  const Tensor bias = a.inputs.size() > 2 ? operand(a.inputs[2], a) : Tensor();
  const Tensor y = Tensor::empty(x.shape(), x.dtype(), a.where);
  kernels::RowNormArgs args;
  args.x = x.raw();
  args.weight = weight.defined() ? weight.raw() : nullptr;
  args.bias = bias.defined() ? bias.raw() : nullptr;
  args.y = y.mutable_raw();
  args.rows = r.rows;
  args.groups = r.groups;
  args.channels = r.channels;
  args.spatial = r.spatial;
  args.epsilon = a.attrs.number("epsilon");
  args.centred = s.centred;
  run_kernel(kernels::row_norm, a.backend, x.dtype(), args, a.where);
  return {rounded_to(a.outputs[0].dtype, y)};
}

std::vector<Tensor> expand_forward(const Scheme& s, const Attrs& attrs,
                                   std::span<const Tensor> in) {
  const Rows r = s.rows(s.name, attrs, in[0].shape(), Location::current());
  Tensor y = reshape(normalised(s, r, in[0], attrs.number("epsilon")).h, in[0].shape());
  if (in.size() > 1) y = y * reshape(in[1], r.broadcast);
  if (in.size() > 2) y = y + reshape(in[2], r.broadcast);
  return {y};
}

// Over everything that shares a parameter.
Tensor sum_for_parameter(const Tensor& x, const Rows& r) {
  return reshape(sum_to(x, r.broadcast), r.parameter);
}

std::vector<Tensor> vjp_forward(const Scheme& s, const VjpArgs& a) {
  const Tensor &x = a.inputs[0], &g = a.cotangents[0];
  const Rows r = s.rows(s.name, a.attrs, x.shape(), Location::current());
  std::vector<Tensor> out(a.inputs.size());
  if (a.needs(0)) {
    std::vector<Tensor> in{g, x};
    if (a.inputs.size() > 1) in.push_back(a.inputs[1]);
    out[0] = apply1(find_op(s.grad_name), a.attrs, in);
  }
  if (a.inputs.size() > 1 && a.needs(1)) {
    out[1] = sum_for_parameter(g * apply1(find_op(s.name), a.attrs, {x}), r);
  }
  if (a.inputs.size() > 2 && a.needs(2)) out[2] = sum_for_parameter(g, r);
  return out;
}

// ---- backward: dx from (cotangent, x[, weight]) ------------------------------------------------
// The statistics are computed again: cheaper than keeping them, and the rule stays a function of
// its inputs alone.
std::vector<Tensor> eval_backward(const Scheme& s, const EvalArgs& a) {
  const Tensor g = operand(a.inputs[0], a), x = operand(a.inputs[1], a);
  const Rows r = s.rows(s.grad_name, a.attrs, x.shape(), a.where);
  const Tensor weight = a.inputs.size() > 2 ? operand(a.inputs[2], a) : Tensor();
  const Tensor mean = s.centred ? Tensor::empty(Shape{r.rows}, x.dtype(), a.where) : Tensor();
  const Tensor rstd = Tensor::empty(Shape{r.rows}, x.dtype(), a.where);
  const Tensor dx = Tensor::empty(x.shape(), x.dtype(), a.where);
  kernels::RowNormArgs forward;
  forward.x = x.raw();
  forward.mean = mean.defined() ? mean.mutable_raw() : nullptr;
  forward.rstd = rstd.mutable_raw();
  forward.rows = r.rows;
  forward.groups = r.groups;
  forward.channels = r.channels;
  forward.spatial = r.spatial;
  forward.epsilon = a.attrs.number("epsilon");
  forward.centred = s.centred;
  run_kernel(kernels::row_norm, a.backend, x.dtype(), forward, a.where);
  kernels::RowNormGradArgs args;
  args.x = x.raw();
  args.dy = g.raw();
  args.mean = forward.mean;
  args.rstd = forward.rstd;
  args.weight = weight.defined() ? weight.raw() : nullptr;
  args.dx = dx.mutable_raw();
  args.rows = r.rows;
  args.groups = r.groups;
  args.channels = r.channels;
  args.spatial = r.spatial;
  args.centred = s.centred;
  run_kernel(kernels::row_norm_grad, a.backend, x.dtype(), args, a.where);
  return {rounded_to(a.outputs[0].dtype, dx)};
}

std::vector<Tensor> expand_backward(const Scheme& s, const Attrs& attrs,
                                    std::span<const Tensor> in) {
  const Rows r = s.rows(s.grad_name, attrs, in[1].shape(), Location::current());
  const Normalised n = normalised(s, r, in[1], attrs.number("epsilon"));
  Tensor g = in.size() > 2 ? in[0] * reshape(in[2], r.broadcast) : in[0];
  g = reshape(g, n.h.shape());
  Tensor t = g - n.h * mean(g * n.h, {1}, true);
  if (s.centred) t = t - mean(g, {1}, true);
  return {reshape(n.rstd * t, in[1].shape())};
}

// Rows of x stay apart unless axis 0 is itself normalised.
BatchBehaviour norm_batch(const Attrs& attrs, Specs in) {
  const bool all = attrs.has("rank") && attrs.integer("rank") == in[0].shape.rank();
  return all ? BatchBehaviour::mixes_rows : BatchBehaviour::per_row;
}

// ---- the table --------------------------------------------------------------------------------
// The leading inputs have x's shape; then come up to two parameters.
Sample sample(const Shape& x, const Shape& parameter, int leading, int parameters,
              const char* name, std::int64_t value) {
  Sample s{{{name, value}, {"epsilon", 1e-3}}, {}};
  for (int i = 0; i < leading; ++i) {
    s.inputs.push_back(sample_values(x, static_cast<std::uint64_t>(i + 1)));
  }
  for (int i = 0; i < parameters && i + leading < 3; ++i) {
    s.inputs.push_back(sample_values(parameter, static_cast<std::uint64_t>(i + 11)));
  }
  return s;
}

std::vector<Sample> trailing_samples(int leading) {
  return {sample(Shape{3, 7}, Shape{7}, leading, 0, "rank", 1),
          sample(Shape{2, 3, 5}, Shape{5}, leading, 2, "rank", 1),
          sample(Shape{2, 3, 5}, Shape{3, 5}, leading, 1, "rank", 2),
          sample(Shape{37}, Shape{37}, leading, 2, "rank", 1),
          sample(Shape{0, 4}, Shape{4}, leading, 2, "rank", 1)};
}

std::vector<Sample> grouped_samples(int leading) {
  return {sample(Shape{3, 6}, Shape{6}, leading, 0, "groups", 2),
          sample(Shape{2, 4, 5}, Shape{4}, leading, 2, "groups", 2),
          sample(Shape{2, 3, 2, 9}, Shape{3}, leading, 2, "groups", 3),
          sample(Shape{2, 3, 2, 3}, Shape{3}, leading, 1, "groups", 1),
          sample(Shape{0, 4, 3}, Shape{4}, leading, 2, "groups", 2)};
}

constexpr Scheme kLayer = {"layer_norm", "layer_norm_grad",
                           "Trailing axes to mean 0 and variance 1, then an affine map.",
                           "Backward pass of layer_norm to its input.", true, trailing_rows,
                           trailing_samples};
constexpr Scheme kRms = {"rms_norm", "rms_norm_grad",
                         "Trailing axes to mean square 1, then an affine map.",
                         "Backward pass of rms_norm to its input.", false, trailing_rows,
                         trailing_samples};
constexpr Scheme kGroup = {"group_norm", "group_norm_grad",
                           "Groups of channels to mean 0 and variance 1, then an affine map.",
                           "Backward pass of group_norm to its input.", true, grouped_rows,
                           grouped_samples};

template <const Scheme& s>
void define(OpTable& table) {
  table.define({
      .name = s.name,
      .cls = OpClass::composite,
      .min_inputs = 1,
      .max_inputs = 3,
      .doc = s.doc,
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_floating(s.name, in[0], where);
            attrs.number("epsilon");
            const Rows r = s.rows(s.name, attrs, in[0].shape, where);
            if (in.size() > 1) check_parameter(s.name, "weight", in[1], in[0], r, where);
            if (in.size() > 2) check_parameter(s.name, "bias", in[2], in[0], r, where);
            return std::vector<TensorSpec>{in[0]};
          },
      .eval = [](const EvalArgs& a) { return eval_forward(s, a); },
      .expand = [](const Attrs& attrs,
                   std::span<const Tensor> in) { return expand_forward(s, attrs, in); },
      .vjp = [](const VjpArgs& a) { return vjp_forward(s, a); },
      .reads = {Reads::input(0) | Reads::input(1), Reads::input(0), Reads::none()},
      .batch = norm_batch,
      .samples = [] { return s.samples(1); },
  });
  table.define({
      .name = s.grad_name,
      .cls = OpClass::composite,
      .min_inputs = 2,
      .max_inputs = 3,
      .doc = s.grad_doc,
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_same(s.grad_name, in[0], in[1], where);
            const Rows r = s.rows(s.grad_name, attrs, in[1].shape, where);
            if (in.size() > 2) check_parameter(s.grad_name, "weight", in[2], in[1], r, where);
            return std::vector<TensorSpec>{in[1]};
          },
      .eval = [](const EvalArgs& a) { return eval_backward(s, a); },
      .expand = [](const Attrs& attrs,
                   std::span<const Tensor> in) { return expand_backward(s, attrs, in); },
      .batch = norm_batch,
      .samples = [] { return s.samples(2); },
  });
}

Tensor call(const Scheme& s, Attrs attrs, double epsilon, const Tensor& x, const Tensor& weight,
            const Tensor& bias, Location where) {
  attrs.set("epsilon", epsilon);
  std::vector<Tensor> in{x};
  if (weight.defined()) {
    in.push_back(weight);
  } else if (bias.defined()) {
    in.push_back(Tensor::ones(bias.shape(), bias.dtype()));
  }
  if (bias.defined()) in.push_back(bias);
  return apply1(find_op(s.name), attrs, in, where);
}

// The attribute for trailing axes of the given extents; Error when x ends otherwise.
Attrs trailing_attrs(const char* op, const Tensor& x, IntList shape, Location where) {
  const auto have = x.shape().extents();
  const bool fits = shape.size() >= 1 && shape.size() <= have.size() &&
                    std::equal(shape.values().begin(), shape.values().end(),
                               have.end() - static_cast<std::ptrdiff_t>(shape.size()));
  if (!fits) {
    throw Error(fmt::format("{}: input {} does not end in the normalised shape {}", op,
                            x.spec().str(), Shape(shape.values()).str()),
                where);
  }
  return {{"rank", static_cast<std::int64_t>(shape.size())}};
}

}  // namespace

void define_row_norm_ops(OpTable& table) {
  define<kLayer>(table);
  define<kRms>(table);
  define<kGroup>(table);
}

Tensor layer_norm(const Tensor& x, IntList normalized_shape, const Tensor& weight,
                  const Tensor& bias, double epsilon, Location where) {
  return call(kLayer, trailing_attrs("layer_norm", x, normalized_shape, where), epsilon, x, weight,
              bias, where);
}

Tensor rms_norm(const Tensor& x, IntList normalized_shape, const Tensor& weight,
                std::optional<double> epsilon, Location where) {
  const double spacing = x.dtype() == DType::f64    ? 0x1p-52
                         : x.dtype() == DType::f16  ? 0x1p-10
                         : x.dtype() == DType::bf16 ? 0x1p-7
                                                    : 0x1p-23;
  return call(kRms, trailing_attrs("rms_norm", x, normalized_shape, where),
              epsilon.value_or(spacing), x, weight, {}, where);
}

Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& weight, const Tensor& bias,
                  double epsilon, Location where) {
  return call(kGroup, {{"groups", groups}}, epsilon, x, weight, bias, where);
}

Tensor instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon,
                     Location where) {
  std::int64_t spatial = 1;
  for (int i = 2; i < x.rank(); ++i) spatial *= x.shape()[i];
  if (x.rank() < 3 || spatial == 1) {
    throw Error(fmt::format("instance_norm: input is {}; expected [N, C, ...] with more than one "
                            "element per channel",
                            x.spec().str()),
                where);
  }
  return call(kGroup, {{"groups", x.shape()[1]}}, epsilon, x, weight, bias, where);
}

}  // namespace ingrad
