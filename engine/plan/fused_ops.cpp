// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/fused_ops.h"

#include "engine/ops/compute.h"
#include "engine/ops/conv_kernels.h"
#include "engine/parallel.h"
#include "engine/plan/packed_constants.h"
#include "kernels/gemm.h"
#include "kernels/sign_bits.h"
#include "kernels/winograd.h"

namespace ingrad {
namespace {

// The inputs of a fused op, taken apart.
struct Operands {
  explicit Operands(const EvalArgs& e) : epilogue(epilogue_of(e.attrs)) {
    const DType t = compute_dtype(e.outputs[0].dtype);
    std::size_t n = e.inputs.size();
    if (epilogue.factor) factor = dense(e.inputs[--n], t);
    if (epilogue.gate) gate = e.inputs[--n].detach();
    if (epilogue.residual) residual = dense(e.inputs[--n], t);
    product = e.inputs.first(n);
    if (n > 2) bias = dense(product[2], t);
  }
  const std::uint8_t* gate_bits() const {
    return gate.defined() ? static_cast<const std::uint8_t*>(gate.raw()) : nullptr;
  }
  Epilogue epilogue;
  std::span<const Tensor> product;
  Tensor bias, residual, gate, factor;
};

const void* data(const Tensor& t) { return t.defined() ? t.raw() : nullptr; }

std::vector<Tensor> eval_conv(const EvalArgs& e, bool data_grad) {
  const Operands in(e);
  const TensorSpec& out = e.outputs[0];
  const Tensor x = dense(in.product[0], out.dtype), w = dense(in.product[1], out.dtype);
  const Tensor y = Tensor::empty(out.shape, out.dtype, e.where);
  const ConvEpilogue after{in.bias, in.residual,
                           in.epilogue.activation == kernels::Activation::relu, in.gate};
  if (data_grad) {
    run_conv_data_grad(e, conv_geometry(e.attrs, y.shape(), w.shape(), x.shape()), x, w, after, y);
  } else {
    run_conv(e, conv_geometry(e.attrs, x.shape(), w.shape(), y.shape()), x, w, after, y);
  }
  return {y};
}

// [..., k] times [k, n], or times [n, k] transposed.
std::vector<Tensor> eval_matrix(const EvalArgs& e, bool transposed) {
  const Operands in(e);
  const TensorSpec& out = e.outputs[0];
  const Tensor x = dense(in.product[0], out.dtype), w = in.product[1].detach();
  const Tensor y = Tensor::empty(out.shape, out.dtype, e.where);
  kernels::GemmArgs g;
  g.k = x.dim(-1);
  g.n = out.shape[out.shape.rank() - 1];
  g.m = 1;
  for (int i = 0; i + 1 < x.rank(); ++i) g.m *= x.shape()[i];
  g.a = x.raw();
  g.a_row = g.k;
  g.b = w.raw();
  g.b_row = w.strides()[transposed ? 1 : 0];
  g.b_col = w.strides()[transposed ? 0 : 1];
  g.c = y.mutable_raw();
  g.c_row = g.n;
  g.bias = data(in.bias);
  g.residual = data(in.residual);
  g.activation = in.epilogue.activation;
  g.gate = in.gate_bits();
  g.factor = data(in.factor);
  std::vector<Tensor> results{y};
  if (in.epilogue.slope) {
    results.push_back(Tensor::empty(out.shape, out.dtype, e.where));
    g.slope = results[1].mutable_raw();
  }
  run_kernel(kernels::gemm, e.backend, out.dtype, g, e.where);
  return results;
}

// Kernels want channels first: w [M, C, 3, 3], where a gradient has the roles of M and C exchanged.
kernels::WinogradWeightsArgs winograd_weights_of(const Tensor& w, bool mirrored) {
  const std::int64_t m = w.shape()[0], c = w.shape()[1];
  kernels::WinogradWeightsArgs a;
  a.weights = w.raw();
  a.in_channels = mirrored ? m : c;
  a.out_channels = mirrored ? c : m;
  a.in_step = mirrored ? 9 * c : 9;
  a.out_step = mirrored ? 9 : 9 * c;
  a.mirrored = mirrored;
  return a;
}

std::vector<Tensor> eval_winograd_weights(const EvalArgs& e) {
  const Tensor w = dense(e.inputs[0], DType::f32);
  const Tensor packed = Tensor::empty(e.outputs[0].shape, DType::f32, e.where);
  kernels::WinogradWeightsArgs args = winograd_weights_of(w, e.attrs.flag("mirrored"));
  args.packed = packed.mutable_raw();
  run_kernel(kernels::winograd_weights, e.backend, DType::f32, args, e.where);
  return {packed};
}

// Of constant weights, made while the plan is built.
const void* packed_winograd_weights(const Tensor& w, kernels::WinogradWeightsArgs args) {
  const auto packed = PackedConstants::current().get(
      w.raw(), {w.shape()[0], w.shape()[1], args.mirrored}, kernels::winograd_weight_bytes(args),
      [&](void* to) {
        args.packed = to;
        run_kernel(kernels::winograd_weights, Backend::cpu, DType::f32, args);
      });
  KernelRecorder::active()->hold(packed);
  return packed.get();
}

std::vector<Tensor> eval_winograd(const EvalArgs& call) {
  EvalArgs e = call;
  const bool transformed = e.attrs.flag("transformed");
  if (transformed) e.inputs = e.inputs.first(e.inputs.size() - 1);
  const Operands in(e);
  const TensorSpec& out = e.outputs[0];
  const Tensor x = dense(in.product[0], DType::f32), w = dense(in.product[1], DType::f32);
  const Tensor y = Tensor::empty(out.shape, DType::f32, e.where);
  const bool mirrored = e.attrs.flag("mirrored");
  const kernels::WinogradWeightsArgs weights = winograd_weights_of(w, mirrored);
  kernels::WinogradArgs a;
  a.src = x.raw();
  a.weights = transformed ? call.inputs.back().raw() : packed_winograd_weights(w, weights);
  a.out = y.mutable_raw();
  a.bias = data(in.bias);
  a.residual = data(in.residual);
  a.relu = in.epilogue.activation == kernels::Activation::relu;
  a.gate = in.gate_bits();
  a.batch = x.shape()[0];
  a.in_channels = weights.in_channels;
  a.out_channels = weights.out_channels;
  for (int i = 0; i < 2; ++i) {
    const auto axis = static_cast<std::size_t>(i);
    a.size[axis] = x.shape()[2 + i];
    a.grid[axis] = y.shape()[2 + i];
    const std::int64_t low = e.attrs.ints("padding_low")[axis];
    a.pad[axis] = mirrored ? 2 - low : low;
  }
  run_kernel(kernels::winograd, e.backend, DType::f32, a, e.where);
  return {y};
}

OpDef fused(const char* product, std::vector<Tensor> (*eval)(const EvalArgs&, bool), bool flag) {
  const OpDef& base = find_op(product);
  OpDef def;
  def.name = std::string(product) + "+";
  def.min_inputs = 2;
  def.max_inputs = 6;
  def.doc = base.doc + " And what follows, in one kernel.";
  def.infer = [&base](const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
    auto out = base.infer(attrs, in.first(product_inputs(attrs, in.size())), where);
    if (epilogue_of(attrs).slope) out.push_back(out[0]);
    return out;
  };
  def.eval = [eval, flag](const EvalArgs& e) { return eval(e, flag); };
  return def;
}

constexpr std::pair<const char*, kernels::Activation> kActivations[] = {
    {"relu", kernels::Activation::relu},           {"gelu", kernels::Activation::gelu},
    {"gelu_tanh", kernels::Activation::gelu_tanh}, {"silu", kernels::Activation::silu},
    {"sigmoid", kernels::Activation::sigmoid},     {"tanh", kernels::Activation::tanh},
};

}  // namespace

const OpDef* fused_form(const OpDef& product) {
  static const OpDef conv = fused("conv", eval_conv, false);
  static const OpDef data_grad = fused("conv_data_grad", eval_conv, true);
  static const OpDef linear = fused("linear", eval_matrix, true);
  static const OpDef matmul = fused("matmul", eval_matrix, false);
  for (const OpDef* def : {&conv, &data_grad, &linear, &matmul}) {
    if (def->name.compare(0, def->name.size() - 1, product.name) == 0) return def;
  }
  return nullptr;
}

const OpDef& sign_bits_form() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "sign_bits";
    d.doc = "A bit per element: is it positive?";
    d.infer = [](const Attrs&, std::span<const TensorSpec> in, Location) {
      return std::vector<TensorSpec>{
          {Shape{kernels::sign_bits_bytes(in[0].shape.size())}, DType::u8, in[0].device}};
    };
    d.eval = [](const EvalArgs& e) {
      const DType t = e.inputs[0].dtype();
      const Tensor x = dense(e.inputs[0], t);
      const Tensor bits = Tensor::empty(e.outputs[0].shape, DType::u8, e.where);
      const kernels::SignBitsArgs args{x.raw(), static_cast<std::uint8_t*>(bits.mutable_raw()),
                                       x.size()};
      run_kernel(kernels::sign_bits, e.backend, t, args, e.where);
      return std::vector<Tensor>{bits};
    };
    return d;
  }();
  return def;
}

const OpDef& winograd_form() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "winograd";
    d.min_inputs = 2;
    d.max_inputs = 6;
    d.doc = "Convolution of 3 x 3 taps, or its data gradient, by Winograd's method.";
    d.infer = [](const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
      const OpDef& product = find_op(attrs.flag("mirrored") ? "conv_data_grad" : "conv");
      const std::size_t given = in.size() - (attrs.flag("transformed") ? 1 : 0);
      return product.infer(attrs, in.first(product_inputs(attrs, given)), where);
    };
    d.eval = eval_winograd;
    return d;
  }();
  return def;
}

const OpDef& winograd_weights_form() {
  static const OpDef def = [] {
    OpDef d;
    d.name = "winograd_weights";
    d.doc = "Weights as the winograd op reads them.";
    d.infer = [](const Attrs& attrs, std::span<const TensorSpec> in, Location) {
      kernels::WinogradWeightsArgs a;
      a.in_channels = in[0].shape[attrs.flag("mirrored") ? 0 : 1];
      a.out_channels = in[0].shape[attrs.flag("mirrored") ? 1 : 0];
      return std::vector<TensorSpec>{
          {Shape{kernels::winograd_weight_bytes(a) / 4}, DType::f32, in[0].device}};
    };
    d.eval = eval_winograd_weights;
    return d;
  }();
  return def;
}

kernels::Activation activation_of(const OpDef& op, const OpDef& product) {
  const bool matrix = product.name == "linear" || product.name == "matmul";
  for (const auto& [name, f] : kActivations) {
    if (op.name == name && (matrix || !kernels::is_smooth(f))) return f;
  }
  return kernels::Activation::none;
}

Attrs fused_attrs(const Attrs& product, const Epilogue& epilogue) {
  Attrs attrs = product;
  if (epilogue.residual) attrs.set("residual", true);
  for (const auto& [name, f] : kActivations) {
    if (epilogue.activation == f) attrs.set("activation", name);
  }
  if (epilogue.slope) attrs.set("slope", true);
  if (epilogue.gate) attrs.set("gate", true);
  if (epilogue.factor) attrs.set("factor", true);
  return attrs;
}

Epilogue epilogue_of(const Attrs& attrs) {
  Epilogue e{.residual = attrs.has("residual"),
             .slope = attrs.has("slope"),
             .gate = attrs.has("gate"),
             .factor = attrs.has("factor")};
  for (const auto& [name, f] : kActivations) {
    if (attrs.has("activation") && attrs.text("activation") == name) e.activation = f;
  }
  return e;
}

std::size_t product_inputs(const Attrs& attrs, std::size_t inputs) {
  const Epilogue e = epilogue_of(attrs);
  return inputs - (e.residual ? 1 : 0) - (e.gate ? 1 : 0) - (e.factor ? 1 : 0);
}

}  // namespace ingrad
