// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/compute.h"
#include "engine/ops/conv_kernels.h"
#include "engine/parallel.h"
#include "engine/plan/fused_ops.h"
#include "kernels/image_lanes.h"

namespace ingrad {
namespace {

using kernels::kImageLanes;

// [N, C, H, W] and [N / 16, C, H, W, 16].
Shape lanes_shape(const Shape& s) {
  return Shape{s[0] / kImageLanes, s[1], s[2], s[3], kImageLanes};
}
Shape images_shape(const Shape& s) { return Shape{s[0] * kImageLanes, s[1], s[2], s[3]}; }
// A group of images counted as one.
Shape groups_shape(const Shape& s) { return Shape{s[0], s[1], s[2], s[3]}; }

std::vector<Tensor> eval_turn(const EvalArgs& e, bool inverse) {
  const Tensor x = dense(e.inputs[0], DType::f32);
  const Tensor y = Tensor::empty(e.outputs[0].shape, DType::f32, e.where);
  const Shape& lanes = inverse ? x.shape() : y.shape();
  const kernels::ImageLanesArgs args{x.raw(), y.mutable_raw(), lanes[0],
                                     lanes[1] * lanes[2] * lanes[3], inverse};
  run_kernel(kernels::image_lanes, e.backend, DType::f32, args, e.where);
  return {y};
}

std::vector<Tensor> eval_conv(const EvalArgs& e) {
  const Epilogue epilogue = epilogue_of(e.attrs);
  std::size_t n = e.inputs.size();
  ConvEpilogue after;
  after.relu = epilogue.relu;
  if (epilogue.gate) after.gate = e.inputs[--n].detach();
  if (epilogue.residual) after.residual = dense(e.inputs[--n], DType::f32);
  if (n > 2) after.bias = dense(e.inputs[2], DType::f32);
  const Tensor x = dense(e.inputs[0], DType::f32), w = dense(e.inputs[1], DType::f32);
  const Tensor y = Tensor::empty(e.outputs[0].shape, DType::f32, e.where);
  const Shape in = groups_shape(x.shape()), out = groups_shape(y.shape());
  if (e.attrs.flag("mirrored")) {
    run_conv_data_grad(e, conv_geometry(e.attrs, out, w.shape(), in), x, w, after, y,
                       kernels::lanes_conv);
  } else {
    run_conv(e, conv_geometry(e.attrs, in, w.shape(), out), x, w, after, y, kernels::lanes_conv);
  }
  return {y};
}

std::vector<TensorSpec> infer_conv(const Attrs& attrs, std::span<const TensorSpec> in,
                                   Location where) {
  const OpDef& product = find_op(attrs.flag("mirrored") ? "conv_data_grad" : "conv");
  TensorSpec x = in[0];
  x.shape = images_shape(x.shape);
  const TensorSpec operands[] = {x, in[1]};
  TensorSpec out = product.infer(attrs, operands, where)[0];
  out.shape = lanes_shape(out.shape);
  return {out};
}

std::vector<Tensor> eval_pool(const EvalArgs& e) {
  const Tensor x = dense(e.inputs[0], DType::f32);
  const Tensor values = Tensor::empty(e.outputs[0].shape, DType::f32, e.where);
  const Tensor codes = Tensor::empty(e.outputs[1].shape, DType::u8, e.where);
  const Shape &in = x.shape(), &out = values.shape();
  const kernels::PairPoolArgs args{x.raw(),
                                   values.mutable_raw(),
                                   static_cast<std::uint8_t*>(codes.mutable_raw()),
                                   in[0] * in[1],
                                   {in[2], in[3]},
                                   {out[2], out[3]},
                                   e.attrs.flag("gated")};
  run_kernel(kernels::lanes_pair_pool, e.backend, DType::f32, args, e.where);
  return {values, codes};
}

std::vector<Tensor> eval_pool_grad(const EvalArgs& e) {
  const Tensor codes = dense(e.inputs[0], DType::u8), dy = dense(e.inputs[1], DType::f32);
  const Tensor dx = Tensor::empty(e.outputs[0].shape, DType::f32, e.where);
  const Shape &in = dx.shape(), &out = dy.shape();
  const kernels::PairPoolGradArgs args{static_cast<const std::uint8_t*>(codes.raw()),
                                       dy.raw(),
                                       dx.mutable_raw(),
                                       in[0] * in[1],
                                       {in[2], in[3]},
                                       {out[2], out[3]}};
  run_kernel(kernels::lanes_pair_pool_grad, e.backend, DType::f32, args, e.where);
  return {dx};
}

OpDef turn(const char* name, bool inverse) {
  OpDef d;
  d.name = name;
  d.doc = inverse ? "[N / 16, C, H, W, 16] as [N, C, H, W]." : "[N, C, H, W] with images in lanes.";
  d.infer = [inverse](const Attrs&, std::span<const TensorSpec> in, Location) {
    TensorSpec out = in[0];
    out.shape = inverse ? images_shape(out.shape) : lanes_shape(out.shape);
    return std::vector<TensorSpec>{out};
  };
  d.eval = [inverse](const EvalArgs& e) { return eval_turn(e, inverse); };
  return d;
}

}  // namespace

const OpDef& into_lanes_form() {
  static const OpDef def = turn("into_lanes", false);
  return def;
}
const OpDef& out_of_lanes_form() {
  static const OpDef def = turn("out_of_lanes", true);
  return def;
}

const OpDef& lanes_conv_form() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "lanes_conv";
    d.min_inputs = 2;
    d.max_inputs = 5;
    d.doc = "Convolution, or its data gradient, with images in lanes.";
    d.infer = infer_conv;
    d.eval = eval_conv;
    return d;
  }();
  return def;
}

const OpDef& lanes_pair_pool_form() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "lanes_pair_pool";
    d.doc = "pair_pool with images in lanes.";
    d.infer = [](const Attrs&, std::span<const TensorSpec> in, Location) {
      const Shape& s = in[0].shape;
      const Shape out = s.with(2, s[2] / 2).with(3, s[3] / 2);
      return std::vector<TensorSpec>{{out, DType::f32, in[0].device},
                                     {out, DType::u8, in[0].device}};
    };
    d.eval = eval_pool;
    return d;
  }();
  return def;
}

const OpDef& lanes_pair_pool_grad_form() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "lanes_pair_pool_grad";
    d.min_inputs = d.max_inputs = 2;
    d.doc = "pair_pool_grad with images in lanes.";
    d.infer = [](const Attrs& attrs, std::span<const TensorSpec> in, Location) {
      const Attr::Ints& size = attrs.ints("size");
      const Shape out = in[1].shape.with(2, size[0]).with(3, size[1]);
      return std::vector<TensorSpec>{{out, DType::f32, in[1].device}};
    };
    d.eval = eval_pool_grad;
    return d;
  }();
  return def;
}

}  // namespace ingrad
