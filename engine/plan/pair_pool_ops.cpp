// SPDX-License-Identifier: Apache-2.0
// Pooling by pairs and its gradient, on planes and with images in lanes: the shapes differ behind
// the two spatial axes only.
#include "engine/ops/compute.h"
#include "engine/parallel.h"
#include "engine/plan/fused_ops.h"
#include "kernels/image_lanes.h"

namespace ingrad {
namespace {

// [N, C, H, W, ...] with other spatial extents.
Shape with_size(const Shape& s, std::int64_t height, std::int64_t width) {
  return s.with(2, height).with(3, width);
}

OpDef pool(const char* name, const kernels::Family<kernels::PairPoolArgs>& family) {
  OpDef d;
  d.name = name;
  d.doc = "Max pooling over 2 x 2 windows, with a byte per window.";
  d.infer = [](const Attrs&, std::span<const TensorSpec> in, Location) {
    const Shape& s = in[0].shape;
    const Shape out = with_size(s, s[2] / 2, s[3] / 2);
    return std::vector<TensorSpec>{{out, DType::f32, in[0].device}, {out, DType::u8, in[0].device}};
  };
  d.eval = [&family](const EvalArgs& e) {
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
    run_kernel(family, e.backend, DType::f32, args, e.where);
    return std::vector<Tensor>{values, codes};
  };
  return d;
}

OpDef pool_grad(const char* name, const kernels::Family<kernels::PairPoolGradArgs>& family) {
  OpDef d;
  d.name = name;
  d.min_inputs = d.max_inputs = 2;
  d.doc = "Gradient of max pooling over 2 x 2 windows.";
  d.infer = [](const Attrs& attrs, std::span<const TensorSpec> in, Location) {
    const Attr::Ints& size = attrs.ints("size");
    return std::vector<TensorSpec>{
        {with_size(in[1].shape, size[0], size[1]), DType::f32, in[1].device}};
  };
  d.eval = [&family](const EvalArgs& e) {
    const Tensor codes = dense(e.inputs[0], DType::u8), dy = dense(e.inputs[1], DType::f32);
    const Tensor dx = Tensor::empty(e.outputs[0].shape, DType::f32, e.where);
    const Shape &in = dx.shape(), &out = dy.shape();
    const kernels::PairPoolGradArgs args{static_cast<const std::uint8_t*>(codes.raw()),
                                         dy.raw(),
                                         dx.mutable_raw(),
                                         in[0] * in[1],
                                         {in[2], in[3]},
                                         {out[2], out[3]}};
    run_kernel(family, e.backend, DType::f32, args, e.where);
    return std::vector<Tensor>{dx};
  };
  return d;
}

}  // namespace

const OpDef& pair_pool_form() {
  static const OpDef def = pool("pair_pool", kernels::pair_pool);
  return def;
}
const OpDef& pair_pool_grad_form() {
  static const OpDef def = pool_grad("pair_pool_grad", kernels::pair_pool_grad);
  return def;
}
const OpDef& lanes_pair_pool_form() {
  static const OpDef def = pool("lanes_pair_pool", kernels::lanes_pair_pool);
  return def;
}
const OpDef& lanes_pair_pool_grad_form() {
  static const OpDef def = pool_grad("lanes_pair_pool_grad", kernels::lanes_pair_pool_grad);
  return def;
}

}  // namespace ingrad
