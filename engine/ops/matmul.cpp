// SPDX-License-Identifier: Apache-2.0
// matmul and linear: bilinear ops on one GEMM kernel. Operands are passed with their strides, so
// transposes are free; only layouts without a unit stride are copied.
#include "engine/ops/matmul.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops/compute.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/gemm.h"

namespace ingrad {
namespace {

void check_dtypes(const char* op, const TensorSpec& a, const TensorSpec& b, Location where) {
  const bool known = is_floating(a.dtype) || a.dtype == DType::i64;
  if (a.dtype != b.dtype || !known) {
    throw Error(fmt::format("{}: dtypes {} and {}; expected one floating dtype or i64", op,
                            name_of(a.dtype), name_of(b.dtype)),
                where);
  }
}

Shape leading(const Shape& s) {
  return Shape(s.extents().first(static_cast<std::size_t>(s.rank() - 2)));
}

std::vector<TensorSpec> infer_matmul(const Attrs&, std::span<const TensorSpec> in,
                                     Location where) {
  const Shape &a = in[0].shape, &b = in[1].shape;
  check_dtypes("matmul", in[0], in[1], where);
  if (a.rank() < 2 || b.rank() < 2) {
    throw Error(fmt::format("matmul: ranks {} and {}; expected at least 2 (lhs {}, rhs {})",
                            a.rank(), b.rank(), a.str(), b.str()),
                where);
  }
  const std::int64_t ka = a[a.rank() - 1], kb = b[b.rank() - 2];
  if (ka != kb) {
    throw Error(fmt::format("matmul: inner sizes differ, {} and {} (lhs {}, rhs {})", ka, kb,
                            a.str(), b.str()),
                where);
  }
  const Shape batch = broadcast_shapes("matmul", leading(a), leading(b), where);
  std::vector<std::int64_t> e(batch.begin(), batch.end());
  e.push_back(a[a.rank() - 2]);
  e.push_back(b[b.rank() - 1]);
  return {{Shape(e, where), in[0].dtype, in[0].device}};
}

std::int64_t stride_of(const Tensor& t, int axis_from_end) {
  return t.strides()[static_cast<std::size_t>(t.rank() - axis_from_end)];
}

// A matrix operand: the last two axes with a unit stride among them, of the compute dtype.
Tensor matrix_operand(const Tensor& x, DType t) {
  const Tensor plain = x.detach();
  if (plain.dtype() != t) return cast(plain, t);
  const bool unit = stride_of(plain, 1) == 1 || stride_of(plain, 2) == 1 ||
                    plain.dim(-1) <= 1 || plain.dim(-2) <= 1;
  return unit ? plain : contiguous(plain);
}

// The element offset of every batch entry of an operand that is broadcast to `batch`.
std::vector<std::int64_t> batch_offsets(const Tensor& x, const Shape& batch) {
  const int own = x.rank() - 2;
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(batch.size()));
  std::array<std::int64_t, kMaxRank> at{};
  for (std::int64_t& offset : offsets) {
    for (int i = 0; i < own; ++i) {
      const auto b = static_cast<std::size_t>(batch.rank() - own + i);
      if (x.shape()[i] != 1) offset += at[b] * x.strides()[static_cast<std::size_t>(i)];
    }
    for (int i = batch.rank() - 1; i >= 0; --i) {
      if (++at[static_cast<std::size_t>(i)] < batch[i]) break;
      at[static_cast<std::size_t>(i)] = 0;
    }
  }
  return offsets;
}

std::vector<Tensor> eval_matmul(const EvalArgs& e) {
  const DType t = compute_dtype(e.inputs[0].dtype());
  Tensor a = matrix_operand(e.inputs[0], t);
  const Tensor b = matrix_operand(e.inputs[1], t);
  const Tensor c = Tensor::empty(e.outputs[0].shape, t, e.where);
  kernels::GemmArgs g;
  g.m = a.dim(-2);
  g.n = b.dim(-1);
  g.k = a.dim(-1);
  std::vector<std::int64_t> offsets[3];
  if (b.rank() == 2) {
    // All rows of a dense left operand meet the same matrix: one product.
    if (a.rank() > 2) a = contiguous(a);
    for (int i = 0; i + 2 < a.rank(); ++i) g.m *= a.shape()[i];
  } else {
    const Shape batch = leading(c.shape());
    g.batch = batch.size();
    offsets[0] = batch_offsets(a, batch);
    offsets[1] = batch_offsets(b, batch);
    for (std::int64_t i = 0; i < g.batch; ++i) offsets[2].push_back(i * g.m * g.n);
    g.a_offset = offsets[0].data();
    g.b_offset = offsets[1].data();
    g.c_offset = offsets[2].data();
  }
  g.a = a.raw();
  g.b = b.raw();
  g.c = c.mutable_raw();
  g.a_row = stride_of(a, 2);
  g.a_col = stride_of(a, 1);
  g.b_row = stride_of(b, 2);
  g.b_col = stride_of(b, 1);
  g.c_row = g.n;
  run_kernel(kernels::gemm, e.backend, t, g, e.where);
  return {rounded(c, e.outputs[0].dtype)};
}

// All leading axes as one: [..., r, c] as [prod(...) * r, c].
Tensor as_matrix(const Tensor& x) {
  return x.rank() == 2 ? x : reshape(x, Shape{x.dim(-1) == 0 ? 0 : x.size() / x.dim(-1), x.dim(-1)});
}

std::vector<Tensor> vjp_matmul(const VjpArgs& v) {
  const Tensor &a = v.inputs[0], &b = v.inputs[1], &g = v.cotangents[0];
  std::vector<Tensor> out(2);
  if (v.needs(0)) out[0] = sum_to(matmul(g, transpose(b, -1, -2)), a.shape());
  if (v.needs(1)) {
    if (b.rank() == 2 && a.rank() > 2) {
      // The sum over the batch is part of the product.
      out[1] = matmul(transpose(as_matrix(a), 0, 1), as_matrix(g));
    } else {
      out[1] = sum_to(matmul(transpose(a, -1, -2), g), b.shape());
    }
  }
  return out;
}

// ---- linear -----------------------------------------------------------------------------------

std::vector<TensorSpec> infer_linear(const Attrs&, std::span<const TensorSpec> in,
                                     Location where) {
  const Shape &x = in[0].shape, &w = in[1].shape;
  check_dtypes("linear", in[0], in[1], where);
  if (x.rank() < 1 || w.rank() != 2 || x[x.rank() - 1] != w[1]) {
    throw Error(fmt::format("linear: input {} with weight {}; expected [..., in] and [out, in]",
                            x.str(), w.str()),
                where);
  }
  if (in.size() > 2 && (in[2].shape != Shape{w[0]} || in[2].dtype != in[0].dtype)) {
    throw Error(fmt::format("linear: bias is {}; expected {}[{}]", in[2].str(),
                            name_of(in[0].dtype), w[0]),
                where);
  }
  return {{x.with(x.rank() - 1, w[0]), in[0].dtype, in[0].device}};
}

std::vector<Tensor> eval_linear(const EvalArgs& e) {
  const DType t = compute_dtype(e.inputs[0].dtype());
  const Tensor x = dense(e.inputs[0], t);
  const Tensor w = matrix_operand(e.inputs[1], t);
  const Tensor bias = e.inputs.size() > 2 ? dense(e.inputs[2], t) : Tensor();
  const Tensor y = Tensor::empty(e.outputs[0].shape, t, e.where);
  kernels::GemmArgs g;
  g.n = w.dim(0);
  g.k = w.dim(1);
  g.m = 1;
  for (int i = 0; i + 1 < x.rank(); ++i) g.m *= x.shape()[i];
  g.a = x.raw();
  g.a_row = g.k;
  g.a_col = 1;
  g.b = w.raw();
  g.b_row = stride_of(w, 1);
  g.b_col = stride_of(w, 2);
  g.c = y.mutable_raw();
  g.c_row = g.n;
  g.bias = bias.defined() ? bias.raw() : nullptr;
  run_kernel(kernels::gemm, e.backend, t, g, e.where);
  return {rounded(y, e.outputs[0].dtype)};
}

std::vector<std::int64_t> leading_axes(int rank) {
  std::vector<std::int64_t> axes;
  for (int i = 0; i + 1 < rank; ++i) axes.push_back(i);
  return axes;
}

std::vector<Tensor> vjp_linear(const VjpArgs& v) {
  const Tensor& g = v.cotangents[0];
  std::vector<Tensor> out(v.inputs.size());
  if (v.needs(0)) {
    out[0] = g.rank() == 1 ? reshape(matmul(reshape(g, Shape{1, g.size()}), v.inputs[1]),
                                     v.inputs[0].shape())
                           : matmul(g, v.inputs[1]);
  }
  if (v.needs(1)) {
    const Tensor &x = v.inputs[0], &w = v.inputs[1];
    const std::int64_t rows = g.size() / std::max<std::int64_t>(w.dim(0), 1);
    out[1] = matmul(transpose(reshape(g, Shape{rows, w.dim(0)}), 0, 1),
                    reshape(x, Shape{rows, w.dim(1)}));
  }
  if (out.size() > 2 && v.needs(2)) out[2] = g.rank() == 1 ? g : sum(g, leading_axes(g.rank()));
  return out;
}

std::vector<Tensor> jvp_linear(const JvpArgs& j) {
  Tensor t;
  const auto accumulate = [&t](const Tensor& part) { t = t.defined() ? add(t, part) : part; };
  if (j.tangents[0].defined()) accumulate(linear(j.tangents[0], j.inputs[1]));
  if (j.tangents[1].defined()) accumulate(linear(j.inputs[0], j.tangents[1]));
  if (j.inputs.size() > 2 && j.tangents[2].defined()) {
    accumulate(expand(j.tangents[2], j.outputs[0].shape()));
  }
  return {t};
}

std::vector<Sample> matmul_samples() {
  std::vector<Sample> out;
  const std::pair<Shape, Shape> shapes[] = {
      {{3, 4}, {4, 5}},          {{1, 7}, {7, 1}},       {{2, 3, 4}, {2, 4, 2}},
      {{2, 1, 3, 2}, {3, 2, 4}}, {{3, 2, 5}, {5, 3}},    {{5, 3}, {2, 3, 2}},
      {{2, 0}, {0, 3}},          {{0, 3, 2}, {0, 2, 2}}, {{17, 19}, {19, 33}},
  };
  for (const auto& [a, b] : shapes) {
    out.push_back({{}, {scaled_values(a), scaled_values(b, 1, 0, 2)}});
  }
  // Transposed operands.
  const Tensor a = scaled_values(Shape{4, 3}), b = scaled_values(Shape{5, 4}, 1, 0, 2);
  out.push_back({{},
                 {a.as_strided(Shape{3, 4}, {1, 3}, 0), b.as_strided(Shape{4, 5}, {1, 4}, 0)}});
  return out;
}

std::vector<Sample> linear_samples() {
  std::vector<Sample> out;
  for (const Shape& x : {Shape{3, 4}, Shape{4}, Shape{2, 3, 4}, Shape{0, 4}, Shape{19, 4}}) {
    for (const bool bias : {false, true}) {
      Sample s{{}, {scaled_values(x), scaled_values(Shape{5, 4}, 1, 0, 2)}};
      if (bias) s.inputs.push_back(scaled_values(Shape{5}, 1, 0, 3));
      out.push_back(std::move(s));
    }
  }
  return out;
}

// Rows stay apart unless the row axis is summed over: matrices, not batches, on the right.
BatchBehaviour batch_matmul(const Attrs&, std::span<const TensorSpec> in) {
  const int a = in[0].shape.rank(), b = in[1].shape.rank();
  return b == 2 || a == b ? BatchBehaviour::per_row : BatchBehaviour::mixes_rows;
}

}  // namespace

void define_matmul_ops(OpTable& table) {
  table.define({
      .name = "matmul",
      .cls = OpClass::bilinear,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "Matrix product over the last two axes; leading axes broadcast.",
      .infer = infer_matmul,
      .eval = eval_matmul,
      .vjp = vjp_matmul,
      .reads = {Reads::input(1), Reads::input(0)},
      .batch = batch_matmul,
      .samples = matmul_samples,
  });
  table.define({
      .name = "linear",
      .cls = OpClass::bilinear,
      .min_inputs = 2,
      .max_inputs = 3,
      .doc = "Input times transposed weight, plus an optional bias.",
      .infer = infer_linear,
      .eval = eval_linear,
      .vjp = vjp_linear,
      .reads = {Reads::input(1), Reads::input(0), Reads::none()},
      .jvp = jvp_linear,
      .batch = rows_stay_apart,
      .samples = linear_samples,
  });
}

Tensor matmul(const Tensor& a, const Tensor& b, Location where) {
  static const OpDef& op = find_op("matmul");
  if (a.rank() >= 2 && b.rank() >= 2) return apply1(op, {}, {a, b}, where);
  if (a.rank() == 0 || b.rank() == 0) {
    throw Error(fmt::format("matmul: operands {} and {}; expected at least one axis each",
                            a.shape().str(), b.shape().str()),
                where);
  }
  const Tensor left = a.rank() == 1 ? reshape(a, Shape{1, a.dim(0)}) : a;
  const Tensor right = b.rank() == 1 ? reshape(b, Shape{b.dim(0), 1}) : b;
  const Tensor c = apply1(op, {}, {left, right}, where);
  Shape shape = c.shape();
  if (b.rank() == 1) shape = shape.without(shape.rank() - 1);
  if (a.rank() == 1) shape = shape.without(shape.rank() - (b.rank() == 1 ? 1 : 2));
  return reshape(c, shape);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Location where) {
  static const OpDef& op = find_op("linear");
  if (!bias.defined()) return apply1(op, {}, {x, weight}, where);
  return apply1(op, {}, {x, weight, bias}, where);
}

}  // namespace ingrad
