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
  after.relu = epilogue.activation == kernels::Activation::relu;
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

}  // namespace ingrad
