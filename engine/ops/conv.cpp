// SPDX-License-Identifier: Apache-2.0
// Convolution and its two gradients: three bilinear ops, each other's derivatives.
//   conv(x, w)             y = x * w
//   conv_data_grad(g, w)   the x-transpose of conv: what reaches x from g
//   conv_weight_grad(x, g) the w-transpose of conv
// Attributes of all three: stride, padding_low, padding_high, dilation (one per spatial axis),
// groups; the gradients also carry the spatial extents that their inputs do not determine.
#include "engine/ops/conv_kernels.h"

#include <fmt/format.h>

#include "engine/ops/compute.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/spatial.h"
#include "engine/ops/table.h"

namespace ingrad {
namespace {

// ---- shape rules ------------------------------------------------------------------------------

void check_pair(const char* op, const TensorSpec& a, const TensorSpec& b, Location where) {
  const int rank = a.shape.rank();
  if (rank < 3 || rank > 5 || b.shape.rank() != rank) {
    throw Error(fmt::format("{}: ranks {} and {}; expected equal ranks of 3 to 5 ({} and {})", op,
                            rank, b.shape.rank(), a.str(), b.str()),
                where);
  }
  if (a.dtype != b.dtype || !is_floating(a.dtype)) {
    throw Error(fmt::format("{}: dtypes {} and {}; expected one floating dtype", op,
                            name_of(a.dtype), name_of(b.dtype)),
                where);
  }
}

void check_attrs(const char* op, const Attrs& attrs, int rank, Location where) {
  for (const char* name : {"stride", "dilation"}) spatial_attr(op, attrs, name, rank - 2, 1, where);
  for (const char* name : {"padding_low", "padding_high"}) {
    spatial_attr(op, attrs, name, rank - 2, 0, where);
  }
  if (attrs.integer("groups") < 1) {
    throw Error(fmt::format("{}: groups is {}; expected at least 1", op, attrs.integer("groups")),
                where);
  }
}

std::vector<TensorSpec> infer_conv(const Attrs& attrs, std::span<const TensorSpec> in,
                                   Location where) {
  const Shape &x = in[0].shape, &w = in[1].shape;
  check_pair("conv", in[0], in[1], where);
  check_attrs("conv", attrs, x.rank(), where);
  const std::int64_t groups = attrs.integer("groups");
  if (x[1] != w[1] * groups || w[0] % groups != 0) {
    throw Error(fmt::format("conv: input {} has {} channels, weight {} takes {} x {} groups and "
                            "its {} output channels must divide by the groups",
                            x.str(), x[1], w.str(), w[1], groups, w[0]),
                where);
  }
  std::vector<std::int64_t> out = {x[0], w[0]};
  for (int i = 2; i < x.rank(); ++i) {
    const auto a = static_cast<std::size_t>(i - 2);
    const std::int64_t padded = x[i] + attrs.ints("padding_low")[a] + attrs.ints("padding_high")[a];
    const std::int64_t reach = attrs.ints("dilation")[a] * (w[i] - 1) + 1;
    if (w[i] < 1 || padded < reach) {
      throw Error(fmt::format("conv: kernel of {} reaches over {} points, the padded input has {} "
                              "(axis {}; input {}, weight {})",
                              w[i], reach, padded, i, x.str(), w.str()),
                  where);
    }
    out.push_back((padded - reach) / attrs.ints("stride")[a] + 1);
  }
  if (in.size() > 2 && (in[2].shape != Shape{w[0]} || in[2].dtype != in[0].dtype)) {
    throw Error(fmt::format("conv: bias is {}; expected {}[{}]", in[2].str(),
                            name_of(in[0].dtype), w[0]),
                where);
  }
  return {{Shape(out, where), in[0].dtype, in[0].device}};
}

Shape with_spatial(std::int64_t n, std::int64_t channels, const std::vector<std::int64_t>& spatial,
                   Location where) {
  std::vector<std::int64_t> e = {n, channels};
  e.insert(e.end(), spatial.begin(), spatial.end());
  return Shape(e, where);
}

// The forward convolution of the inferred result must give back the gradient's shape.
void check_consistent(const char* op, const Attrs& attrs, const TensorSpec& x, const TensorSpec& w,
                      const TensorSpec& g, Location where) {
  const std::array<TensorSpec, 2> in{x, w};
  const TensorSpec y = infer_conv(attrs, in, where)[0];
  if (y.shape != g.shape) {
    throw Error(fmt::format("{}: the gradient is {}, a convolution of {} with {} gives {}", op,
                            g.str(), x.str(), w.str(), y.str()),
                where);
  }
}

std::vector<TensorSpec> infer_data_grad(const Attrs& attrs, std::span<const TensorSpec> in,
                                        Location where) {
  check_pair("conv_data_grad", in[0], in[1], where);
  check_attrs("conv_data_grad", attrs, in[0].shape.rank(), where);
  TensorSpec x = in[0];
  x.shape = with_spatial(in[0].shape[0], in[1].shape[1] * attrs.integer("groups"),
                         attrs.ints("input_size"), where);
  check_consistent("conv_data_grad", attrs, x, in[1], in[0], where);
  return {x};
}

std::vector<TensorSpec> infer_weight_grad(const Attrs& attrs, std::span<const TensorSpec> in,
                                          Location where) {
  check_pair("conv_weight_grad", in[0], in[1], where);
  check_attrs("conv_weight_grad", attrs, in[0].shape.rank(), where);
  TensorSpec w = in[0];
  w.shape = with_spatial(in[1].shape[1], in[0].shape[1] / attrs.integer("groups"),
                         attrs.ints("kernel_size"), where);
  check_consistent("conv_weight_grad", attrs, in[0], w, in[1], where);
  return {w};
}

// ---- execution --------------------------------------------------------------------------------

std::vector<Tensor> eval_conv(const EvalArgs& e) {
  const DType t = compute_dtype(e.inputs[0].dtype());
  const Tensor x = dense(e.inputs[0], t), w = dense(e.inputs[1], t);
  const Tensor bias = e.inputs.size() > 2 ? dense(e.inputs[2], t) : Tensor();
  const Tensor y = Tensor::empty(e.outputs[0].shape, t, e.where);
  run_conv(e, conv_geometry(e.attrs, x.shape(), w.shape(), y.shape()), x, w, {.bias = bias}, y);
  return {rounded(y, e.outputs[0].dtype)};
}

std::vector<Tensor> eval_data_grad(const EvalArgs& e) {
  const DType t = compute_dtype(e.inputs[0].dtype());
  const Tensor g = dense(e.inputs[0], t), w = dense(e.inputs[1], t);
  const Tensor x = Tensor::empty(e.outputs[0].shape, t, e.where);
  run_conv_data_grad(e, conv_geometry(e.attrs, x.shape(), w.shape(), g.shape()), g, w, {}, x);
  return {rounded(x, e.outputs[0].dtype)};
}

std::vector<Tensor> eval_weight_grad(const EvalArgs& e) {
  const DType t = compute_dtype(e.inputs[0].dtype());
  const Tensor x = dense(e.inputs[0], t), g = dense(e.inputs[1], t);
  const Tensor w = Tensor::empty(e.outputs[0].shape, t, e.where);
  run_conv_weight_grad(e, conv_geometry(e.attrs, x.shape(), w.shape(), g.shape()), x, g, w);
  return {rounded(w, e.outputs[0].dtype)};
}

// ---- derivatives ------------------------------------------------------------------------------

std::vector<std::int64_t> spatial_extents(const Tensor& t) {
  return {t.shape().begin() + 2, t.shape().end()};
}

// Attributes of a sibling op: the geometry, with this op's own extents replaced.
Attrs geometry_attrs(const Attrs& attrs) {
  return {{"stride", attrs.ints("stride")},
          {"padding_low", attrs.ints("padding_low")},
          {"padding_high", attrs.ints("padding_high")},
          {"dilation", attrs.ints("dilation")},
          {"groups", attrs.integer("groups")}};
}

Tensor call_conv(const Attrs& attrs, const Tensor& x, const Tensor& w) {
  return apply1(find_op("conv"), geometry_attrs(attrs), {x, w});
}
Tensor call_data_grad(const Attrs& attrs, const Tensor& g, const Tensor& w, const Tensor& like) {
  return apply1(find_op("conv_data_grad"),
                geometry_attrs(attrs).set("input_size", spatial_extents(like)), {g, w});
}
Tensor call_weight_grad(const Attrs& attrs, const Tensor& x, const Tensor& g, const Tensor& like) {
  return apply1(find_op("conv_weight_grad"),
                geometry_attrs(attrs).set("kernel_size", spatial_extents(like)), {x, g});
}

// All axes but the channels.
std::vector<std::int64_t> all_but_channels(int rank) {
  std::vector<std::int64_t> axes = {0};
  for (int i = 2; i < rank; ++i) axes.push_back(i);
  return axes;
}

// [C] as [C, 1, 1], to be added to [N, C, H, W].
Tensor over_channels(const Tensor& bias, int rank) {
  std::vector<std::int64_t> e(static_cast<std::size_t>(rank - 1), 1);
  e[0] = bias.dim(0);
  return reshape(bias, Shape(e));
}

std::vector<Tensor> vjp_conv(const VjpArgs& a) {
  const Tensor& g = a.cotangents[0];
  std::vector<Tensor> out(a.inputs.size());
  if (a.needs(0)) out[0] = call_data_grad(a.attrs, g, a.inputs[1], a.inputs[0]);
  if (a.needs(1)) out[1] = call_weight_grad(a.attrs, a.inputs[0], g, a.inputs[1]);
  if (out.size() > 2 && a.needs(2)) out[2] = sum(g, all_but_channels(g.rank()));
  return out;
}

std::vector<Tensor> jvp_conv(const JvpArgs& a) {
  Tensor t;
  const auto accumulate = [&t](const Tensor& part) { t = t.defined() ? add(t, part) : part; };
  if (a.tangents[0].defined()) accumulate(call_conv(a.attrs, a.tangents[0], a.inputs[1]));
  if (a.tangents[1].defined()) accumulate(call_conv(a.attrs, a.inputs[0], a.tangents[1]));
  if (a.inputs.size() > 2 && a.tangents[2].defined()) {
    const Tensor& y = a.outputs[0];
    accumulate(add(Tensor::full(y.shape(), 0, y.dtype()), over_channels(a.tangents[2], y.rank())));
  }
  return {t};
}

std::vector<Tensor> vjp_data_grad(const VjpArgs& a) {
  const Tensor& u = a.cotangents[0];
  std::vector<Tensor> out(2);
  if (a.needs(0)) out[0] = call_conv(a.attrs, u, a.inputs[1]);
  if (a.needs(1)) out[1] = call_weight_grad(a.attrs, u, a.inputs[0], a.inputs[1]);
  return out;
}

std::vector<Tensor> vjp_weight_grad(const VjpArgs& a) {
  const Tensor& u = a.cotangents[0];
  std::vector<Tensor> out(2);
  if (a.needs(0)) out[0] = call_data_grad(a.attrs, a.inputs[1], u, a.inputs[0]);
  if (a.needs(1)) out[1] = call_conv(a.attrs, a.inputs[0], u);
  return out;
}

// ---- samples ----------------------------------------------------------------------------------

struct Case {
  Shape x, w;
  std::vector<std::int64_t> stride, low, high, dilation;
  std::int64_t groups;
  bool bias;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 3, 7}, {4, 3, 3}, {1}, {1}, {1}, {1}, 1, true},
      {{2, 3, 6, 5}, {4, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, true},
      {{1, 2, 7, 8}, {3, 2, 3, 2}, {2, 3}, {0, 1}, {0, 1}, {1, 1}, 1, false},
      {{2, 4, 7, 7}, {6, 2, 3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 2, true},
      {{1, 3, 8, 8}, {6, 1, 3, 3}, {1, 1}, {2, 2}, {2, 2}, {2, 2}, 3, false},
      {{2, 2, 5, 6}, {3, 2, 1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1, false},
      {{1, 2, 6, 5}, {2, 2, 2, 4}, {1, 1}, {0, 1}, {1, 2}, {1, 1}, 1, false},
      {{1, 2, 4, 5, 4}, {3, 2, 2, 3, 2}, {1, 2, 1}, {0, 1, 1}, {0, 1, 1}, {1, 1, 2}, 1, true},
      {{0, 2, 5, 5}, {3, 2, 3, 3}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1, false},
  };
  return all;
}

Attrs case_attrs(const Case& c) {
  return {{"stride", c.stride},
          {"padding_low", c.low},
          {"padding_high", c.high},
          {"dilation", c.dilation},
          {"groups", c.groups}};
}

Shape output_shape(const Case& c) {
  const std::array<TensorSpec, 2> in{TensorSpec{c.x, DType::f64, {}},
                                     TensorSpec{c.w, DType::f64, {}}};
  return infer_conv(case_attrs(c), in, Location::current())[0].shape;
}

std::vector<std::int64_t> spatial_list(const Shape& s) { return {s.begin() + 2, s.end()}; }

}  // namespace

void define_conv_ops(OpTable& table) {
  table.define({
      .name = "conv",
      .cls = OpClass::bilinear,
      .min_inputs = 2,
      .max_inputs = 3,
      .doc = "Convolution (cross-correlation) over 1 to 3 spatial axes, with an optional bias.",
      .infer = infer_conv,
      .eval = eval_conv,
      .vjp = vjp_conv,
      .reads = {Reads::input(1), Reads::input(0), Reads::none()},
      .jvp = jvp_conv,
      .batch = rows_stay_apart,
      .samples =
          [] {
            std::vector<Sample> out;
            for (const Case& c : cases()) {
              Sample s{case_attrs(c), {scaled_values(c.x), scaled_values(c.w, 1, 0, 2)}};
              if (c.bias) s.inputs.push_back(scaled_values(Shape{c.w[0]}, 1, 0, 3));
              out.push_back(std::move(s));
            }
            return out;
          },
  });
  table.define({
      .name = "conv_data_grad",
      .cls = OpClass::bilinear,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "The gradient of conv with respect to its input; transposed convolution.",
      .infer = infer_data_grad,
      .eval = eval_data_grad,
      .vjp = vjp_data_grad,
      .reads = {Reads::input(1), Reads::input(0)},
      .batch = rows_stay_apart,
      .samples =
          [] {
            std::vector<Sample> out;
            for (const Case& c : cases()) {
              out.push_back({case_attrs(c).set("input_size", spatial_list(c.x)),
                             {scaled_values(output_shape(c)), scaled_values(c.w, 1, 0, 2)}});
            }
            return out;
          },
  });
  table.define({
      .name = "conv_weight_grad",
      .cls = OpClass::bilinear,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "The gradient of conv with respect to its weight.",
      .infer = infer_weight_grad,
      .eval = eval_weight_grad,
      .vjp = vjp_weight_grad,
      .reads = {Reads::input(1), Reads::input(0)},
      .batch = rows_mix,
      .samples =
          [] {
            std::vector<Sample> out;
            for (const Case& c : cases()) {
              out.push_back({case_attrs(c).set("kernel_size", spatial_list(c.w)),
                             {scaled_values(c.x), scaled_values(output_shape(c), 1, 0, 2)}});
            }
            return out;
          },
  });
}

}  // namespace ingrad
