// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/fused_ops.h"

#include "engine/ops/compute.h"
#include "engine/ops/conv_kernels.h"
#include "engine/parallel.h"
#include "kernels/gemm.h"

namespace ingrad {
namespace {

// The inputs of a fused op, taken apart.
struct Operands {
  explicit Operands(const EvalArgs& e) : epilogue(epilogue_of(e.attrs)) {
    const DType t = compute_dtype(e.outputs[0].dtype);
    std::size_t n = e.inputs.size();
    if (epilogue.gate) gate = dense(e.inputs[--n], t);
    if (epilogue.residual) residual = dense(e.inputs[--n], t);
    product = e.inputs.first(n);
    if (n > 2) bias = dense(product[2], t);
  }
  Epilogue epilogue;
  std::span<const Tensor> product;
  Tensor bias, residual, gate;
};

std::size_t product_inputs(const Attrs& attrs, std::size_t all) {
  const Epilogue e = epilogue_of(attrs);
  return all - (e.gate ? 1 : 0) - (e.residual ? 1 : 0);
}

std::vector<Tensor> eval_conv(const EvalArgs& e, bool data_grad) {
  const Operands in(e);
  const TensorSpec& out = e.outputs[0];
  const Tensor x = dense(in.product[0], out.dtype), w = dense(in.product[1], out.dtype);
  const Tensor y = Tensor::empty(out.shape, out.dtype, e.where);
  const ConvEpilogue after{in.bias, in.residual, in.epilogue.relu, in.gate};
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
  g.bias = in.bias.defined() ? in.bias.raw() : nullptr;
  g.residual = in.residual.defined() ? in.residual.raw() : nullptr;
  g.activation = in.epilogue.relu ? kernels::Activation::relu : kernels::Activation::none;
  g.gate = in.gate.defined() ? in.gate.raw() : nullptr;
  run_kernel(kernels::gemm, e.backend, out.dtype, g, e.where);
  return {y};
}

OpDef fused(const char* product, std::vector<Tensor> (*eval)(const EvalArgs&, bool), bool flag) {
  const OpDef& base = find_op(product);
  OpDef def;
  def.name = std::string(product) + "+";
  def.min_inputs = 2;
  def.max_inputs = 5;
  def.doc = base.doc + " And what follows, in one kernel.";
  def.infer = [&base](const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
    return base.infer(attrs, in.first(product_inputs(attrs, in.size())), where);
  };
  def.eval = [eval, flag](const EvalArgs& e) { return eval(e, flag); };
  return def;
}

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

Attrs fused_attrs(const Attrs& product, const Epilogue& epilogue) {
  Attrs attrs = product;
  attrs.set("residual", epilogue.residual).set("relu", epilogue.relu).set("gate", epilogue.gate);
  return attrs;
}

Epilogue epilogue_of(const Attrs& attrs) {
  return {attrs.flag("residual"), attrs.flag("relu"), attrs.flag("gate")};
}

}  // namespace ingrad
