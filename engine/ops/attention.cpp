// SPDX-License-Identifier: Apache-2.0
// Attention as one op on (q, k, v) or on (qkv), with a mask behind them or without, and its
// backward pass as another, a function of the cotangent and the same operands. Operands are passed
// with their strides: heads that lie beside each other are not copied apart.
#include "engine/ops/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/dense.h"
#include "engine/ops/concat.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/ops/softmax.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/attention.h"

namespace ingrad {
namespace {

using Specs = std::span<const TensorSpec>;
using Inputs = std::span<const Tensor>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The extents of a call, from the shapes of q, k and v or of qkv.
struct Extents {
  std::int64_t batch, queries, keys, heads, kv_heads, width, value_width;
};

bool is_packed(std::size_t operands) { return operands < 3; }
bool has_mask(std::size_t operands) { return operands == 2 || operands == 4; }

template <class T>  // of specs or tensors
const Shape& shape_of(const T& x) {
  if constexpr (std::is_same_v<T, Tensor>) {
    return x.shape();
  } else {
    return x.shape;
  }
}

template <class T>
Extents extents_of(const Attrs& attrs, std::span<const T> in) {
  const Shape& q = shape_of(in[0]);
  if (is_packed(in.size())) {
    const std::int64_t kv = attrs.integer("kv_heads");
    return {q[0], q[1], q[1], q[2] - 2 * kv, kv, q[3], q[3]};
  }
  const Shape &k = shape_of(in[1]), &v = shape_of(in[2]);
  return {q[0], q[1], k[1], q[2], k[2], q[3], v[3]};
}

// Error unless the operands fit each other.
Extents check_operands(const char* op, const Attrs& attrs, Specs in, Location where) {
  const std::size_t heads = in.size() - (has_mask(in.size()) ? 1 : 0);
  require_floating(op, in[0], where);
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i].shape.rank() != 4 || in[i].dtype != in[0].dtype) {
      throw Error(
          fmt::format("{}: operand {} is {}; expected {} with four axes, [batch, row, head, "
                      "width]",
                      op, i, in[i].str(), name_of(in[0].dtype)),
          where);
    }
  }
  const Extents e = extents_of(attrs, in);
  if (e.kv_heads < 1 || e.heads < 1 || e.heads % e.kv_heads != 0) {
    throw Error(fmt::format("{}: {} heads of queries and {} of keys; expected a multiple", op,
                            e.heads, e.kv_heads),
                where);
  }
  if (heads == 3 && (in[1].shape != Shape{e.batch, e.keys, e.kv_heads, e.width} ||
                     in[2].shape != Shape{e.batch, e.keys, e.kv_heads, e.value_width})) {
    throw Error(fmt::format("{}: queries {}, keys {}, values {}; expected [B, L, H, E], "
                            "[B, S, H', E], [B, S, H', Ev]",
                            op, in[0].str(), in[1].str(), in[2].str()),
                where);
  }
  if (has_mask(in.size())) {
    const std::int64_t full[] = {e.batch, e.queries, e.heads, e.keys};
    for (int i = 0; i < 4; ++i) {
      const std::int64_t n = in.back().shape[i];
      if (n == 1 || n == full[i]) continue;
      throw Error(fmt::format("{}: mask is {}; expected to broadcast against {}", op,
                              in.back().str(), Shape(full).str()),
                  where);
    }
  }
  return e;
}

// ---- kernels ----------------------------------------------------------------------------------
// Heads with their strides; only elements of a row must lie side by side.
Tensor head_operand(const Tensor& x, const EvalArgs& a) {
  const Tensor t = kernel_operand(x);
  return t.strides()[3] == 1 || t.dim(3) <= 1 ? t : dense(t, a.backend, a.where);
}

kernels::HeadStrides strides_of(const Tensor& x) {
  return {x.strides()[0], x.strides()[1], x.strides()[2]};
}

// The three parts of what holds all heads, as views.
std::vector<Tensor> parts(const Tensor& qkv, const Extents& e) {
  return {narrow(qkv, 2, 0, e.heads), narrow(qkv, 2, e.heads, e.kv_heads),
          narrow(qkv, 2, e.heads + e.kv_heads, e.kv_heads)};
}

// q, k, v, and the mask or nothing.
std::vector<Tensor> operands(const Extents& e, Inputs in) {
  std::vector<Tensor> all =
      is_packed(in.size()) ? parts(in[0], e) : std::vector<Tensor>(in.begin(), in.begin() + 3);
  all.push_back(has_mask(in.size()) ? in.back() : Tensor());
  return all;
}

template <class Args>
void set_shape(Args& args, const Extents& e, const Attrs& attrs) {
  args.batch = e.batch;
  args.heads = e.heads;
  args.kv_heads = e.kv_heads;
  args.queries = e.queries;
  args.keys = e.keys;
  args.width = e.width;
  args.value_width = e.value_width;
  args.scale = attrs.number("scale");
  args.causal = attrs.flag("causal");
}

// What the kernels of both directions read. The tensors keep the operands alive.
template <class Args>
std::vector<Tensor> set_operands(Args& args, const Extents& e, const EvalArgs& a, Inputs in) {
  set_shape(args, e, a.attrs);
  std::vector<Tensor> x = operands(e, in);
  for (int i = 0; i < 3; ++i)
    x[static_cast<std::size_t>(i)] = head_operand(x[static_cast<std::size_t>(i)], a);
  args.q = x[0].raw();
  args.k = x[1].raw();
  args.v = x[2].raw();
  args.q_at = strides_of(x[0]);
  args.k_at = strides_of(x[1]);
  args.v_at = strides_of(x[2]);
  if (x[3].defined()) {
    x[3] = head_operand(x[3], a);
    const auto step = [&](int axis) {
      return x[3].dim(axis) == 1 ? 0 : x[3].strides()[static_cast<std::size_t>(axis)];
    };
    args.mask = x[3].raw();
    args.mask_at = {step(0), step(1), step(2)};
    args.mask_step = step(3);
  }
  return x;
}

std::vector<Tensor> eval_attention(const EvalArgs& a) {
  const Extents e = extents_of(a.attrs, a.inputs);
  kernels::AttentionArgs args;
  const std::vector<Tensor> x = set_operands(args, e, a, a.inputs);
  const Tensor y = Tensor::empty(a.outputs[0].shape, x[0].dtype(), a.where);
  args.y = y.mutable_raw();
  args.y_at = strides_of(y);
  run_kernel(kernels::attention, a.backend, x[0].dtype(), args, a.where);
  return {rounded_to(a.outputs[0].dtype, y)};
}

std::vector<Tensor> eval_attention_grad(const EvalArgs& a) {
  const Inputs in = a.inputs.subspan(1);
  const Extents e = extents_of(a.attrs, in);
  kernels::AttentionGradArgs args;
  const std::vector<Tensor> x = set_operands(args, e, a, in);
  const Tensor dy = head_operand(a.inputs[0], a);
  args.dy = dy.raw();
  args.y_at = strides_of(dy);
  std::vector<Tensor> results;
  for (const TensorSpec& s : a.outputs) {
    results.push_back(Tensor::empty(s.shape, x[0].dtype(), a.where));
  }
  const std::vector<Tensor> d = is_packed(in.size()) ? parts(results[0], e) : results;
  args.dq = d[0].mutable_raw();
  args.dk = d[1].mutable_raw();
  args.dv = d[2].mutable_raw();
  args.dq_at = strides_of(d[0]);
  args.dk_at = strides_of(d[1]);
  args.dv_at = strides_of(d[2]);
  run_kernel(kernels::attention_grad, a.backend, x[0].dtype(), args, a.where);
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i] = rounded_to(a.outputs[i].dtype, results[i]);
  }
  return results;
}

// ---- the definition in basic ops --------------------------------------------------------------
// Heads come first: [B, H', H / H', rows, width], so that shared keys broadcast.
Tensor by_group(const Tensor& x, const Extents& e) {
  const std::int64_t heads = x.dim(2);
  return reshape(transpose(x, 1, 2),
                 Shape{x.dim(0), e.kv_heads, heads / e.kv_heads, x.dim(1), x.dim(3)});
}
Tensor by_row(const Tensor& x, const Extents& e, std::int64_t heads) {
  return transpose(reshape(x, Shape{e.batch, heads, x.dim(3), x.dim(4)}), 1, 2);
}
// The same for a mask, whose axes may have extent 1.
Tensor mask_by_group(const Tensor& mask, const Extents& e) {
  const Tensor m = transpose(mask, 1, 2);
  const std::int64_t kv = m.dim(1) == 1 ? 1 : e.kv_heads;
  return reshape(m, Shape{m.dim(0), kv, m.dim(1) / kv, m.dim(2), m.dim(3)});
}
Tensor mask_by_row(const Tensor& m, const Shape& shape) {
  return transpose(reshape(m, Shape{shape[0], shape[2], shape[1], shape[3]}), 1, 2);
}

// Zero where query i may see key j, -infinity elsewhere.
Tensor causal_mask(std::int64_t queries, std::int64_t keys, DType dtype) {
  std::vector<double> m(static_cast<std::size_t>(queries * keys));
  for (std::int64_t i = 0; i < queries; ++i) {
    for (std::int64_t j = i + 1; j < keys; ++j)
      m[static_cast<std::size_t>(i * keys + j)] = -kInfinity;
  }
  return cast(Tensor::from<double>(m, Shape{queries, keys}), dtype);
}

struct Groups {
  Tensor q, k, v;
  Tensor p;  // probabilities [B, H', H / H', L, S]
};
Groups grouped(const Attrs& attrs, const Extents& e, Inputs in) {
  const std::vector<Tensor> x = operands(e, in);
  Groups g{by_group(x[0], e), by_group(x[1], e), by_group(x[2], e), {}};
  if (e.keys == 0) {
    g.p = matmul(g.q, transpose(g.k, 3, 4));
    return g;
  }
  Tensor s = matmul(g.q, transpose(g.k, 3, 4)) * attrs.number("scale");
  if (x[3].defined()) s = s + mask_by_group(x[3], e);
  if (attrs.flag("causal")) s = s + causal_mask(e.queries, e.keys, s.dtype());
  // Where there is nothing to see, nothing is taken.
  const Tensor hidden = eq(amax(s.detach(), {4}, true), -kInfinity);
  g.p = where(hidden, 0.0, softmax(where(hidden, 0.0, s), 4));
  return g;
}

std::vector<Tensor> expand_attention(const Attrs& attrs, Inputs in) {
  const Extents e = extents_of(attrs, in);
  const Groups g = grouped(attrs, e, in);
  return {by_row(matmul(g.p, g.v), e, e.heads)};
}

// The cotangent of scale q k^T + mask.
Tensor score_grad(const Groups& g, const Tensor& dy) {
  const Tensor dp = matmul(dy, transpose(g.v, 3, 4));
  return g.p * (dp - sum(g.p * dp, {4}, true));
}

std::vector<Tensor> expand_attention_grad(const Attrs& attrs, Inputs all) {
  const Inputs in = all.subspan(1);
  const Extents e = extents_of(attrs, in);
  const Groups g = grouped(attrs, e, in);
  const Tensor dy = by_group(all[0], e), ds = score_grad(g, dy) * attrs.number("scale");
  const auto over_group = [&](const Tensor& x) { return by_row(sum(x, {2}, true), e, e.kv_heads); };
  const Tensor dq = by_row(matmul(ds, g.k), e, e.heads);
  const Tensor dk = over_group(matmul(transpose(ds, 3, 4), g.q));
  const Tensor dv = over_group(matmul(transpose(g.p, 3, 4), dy));
  if (is_packed(in.size())) return {concat({dq, dk, dv}, 2)};
  return {dq, dk, dv};
}

std::vector<Tensor> vjp_attention(const VjpArgs& a) {
  const std::size_t heads = a.inputs.size() - (has_mask(a.inputs.size()) ? 1 : 0);
  std::vector<Tensor> out(a.inputs.size());
  if (std::any_of(a.needed.begin(), a.needed.begin() + static_cast<std::ptrdiff_t>(heads),
                  [](char c) { return c != 0; })) {
    std::vector<Tensor> in{a.cotangents[0]};
    in.insert(in.end(), a.inputs.begin(), a.inputs.end());
    const std::vector<Tensor> d = apply(find_op("attention_grad"), a.attrs, in);
    for (std::size_t i = 0; i < d.size(); ++i) {
      if (a.needs(i)) out[i] = d[i];
    }
  }
  if (heads < out.size() && a.needs(heads)) {
    const Extents e = extents_of(a.attrs, a.inputs);
    const Groups g = grouped(a.attrs, e, a.inputs);
    const Tensor ds = score_grad(g, by_group(a.cotangents[0], e));
    const Tensor& mask = a.inputs[heads];
    out[heads] = mask_by_row(sum_to(ds, mask_by_group(mask, e).shape()), mask.shape());
  }
  return out;
}

// ---- the table --------------------------------------------------------------------------------
std::vector<Sample> samples_of(bool grad) {
  struct Form {
    Extents e;
    bool packed, causal;
    Shape mask;  // rank 0: none
  };
  const Form forms[] = {
      {{2, 3, 4, 2, 2, 5, 3}, false, false, {}},
      {{2, 5, 5, 4, 2, 3, 3}, false, true, {}},
      {{1, 4, 3, 2, 1, 2, 2}, false, false, {1, 4, 1, 3}},
      {{2, 3, 3, 2, 2, 4, 4}, true, false, {}},
      {{2, 4, 4, 4, 2, 3, 3}, true, true, {2, 1, 4, 4}},
      {{1, 60, 60, 1, 1, 16, 16}, true, true, {}},
      {{2, 3, 0, 2, 2, 4, 4}, false, false, {}},
      {{0, 3, 3, 2, 2, 4, 4}, true, false, {}},
  };
  std::vector<Sample> all;
  for (const Form& f : forms) {
    const Extents& e = f.e;
    Sample s{{{"scale", 0.6}, {"causal", f.causal}, {"kv_heads", e.kv_heads}}, {}};
    if (grad)
      s.inputs.push_back(sample_values(Shape{e.batch, e.queries, e.heads, e.value_width}, 9));
    if (f.packed) {
      s.inputs.push_back(
          sample_values(Shape{e.batch, e.queries, e.heads + 2 * e.kv_heads, e.width}, 1));
    } else {
      s.inputs.push_back(sample_values(Shape{e.batch, e.queries, e.heads, e.width}, 1));
      s.inputs.push_back(sample_values(Shape{e.batch, e.keys, e.kv_heads, e.width}, 2));
      s.inputs.push_back(sample_values(Shape{e.batch, e.keys, e.kv_heads, e.value_width}, 3));
    }
    if (f.mask.rank() > 0) s.inputs.push_back(sample_values(f.mask, 4));
    all.push_back(std::move(s));
  }
  return all;
}

Attrs attrs_of(const AttentionOptions& o, std::int64_t width, std::int64_t kv_heads) {
  const double scale =
      o.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, width))));
  return {{"scale", scale}, {"causal", o.causal}, {"kv_heads", kv_heads}};
}

// The mask as the op takes it: additive, [B, L, H, S].
Tensor mask_operand(const Tensor& mask, DType dtype, Location loc) {
  if (mask.rank() > 4) {
    throw Error(fmt::format("attention: mask is {}; expected to broadcast against [batch, heads, "
                            "queries, keys]",
                            mask.spec().str()),
                loc);
  }
  Tensor m = mask;
  if (m.dtype() == DType::boolean) {
    m = where(m, Tensor::zeros({}, dtype), Tensor::full({}, -kInfinity, dtype), loc);
  }
  while (m.rank() < 4) m = unsqueeze(m, 0, loc);
  return transpose(m, 1, 2, loc);
}

Tensor call(Attrs attrs, std::vector<Tensor> in, const Tensor& mask, Location where) {
  if (mask.defined()) in.push_back(mask_operand(mask, in[0].dtype(), where));
  return apply1(find_op("attention"), attrs, in, where);
}

}  // namespace

void define_attention_ops(OpTable& table) {
  table.define({
      .name = "attention",
      .cls = OpClass::composite,
      .min_inputs = 1,
      .max_inputs = 4,
      .doc = "Softmax of scaled scores of queries and keys, times values.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const Extents e = check_operands("attention", attrs, in, where);
            return std::vector<TensorSpec>{
                {Shape{e.batch, e.queries, e.heads, e.value_width}, in[0].dtype, in[0].device}};
          },
      .eval = eval_attention,
      .expand = expand_attention,
      .vjp = vjp_attention,
      .reads = {Reads::input(0) | Reads::input(1) | Reads::input(2) | Reads::input(3)},
      .batch = rows_stay_apart,
      .samples = [] { return samples_of(false); },
  });
  table.define({
      .name = "attention_grad",
      .cls = OpClass::composite,
      .min_inputs = 2,
      .max_inputs = 5,
      .doc = "Backward pass of attention to its queries, keys and values.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            const Specs of = in.subspan(1);
            const Extents e = check_operands("attention_grad", attrs, of, where);
            const TensorSpec dy{Shape{e.batch, e.queries, e.heads, e.value_width}, of[0].dtype,
                                of[0].device};
            require_same("attention_grad", in[0], dy, where);
            const auto count = is_packed(of.size()) ? 1 : 3;
            return std::vector<TensorSpec>(of.begin(), of.begin() + count);
          },
      .eval = eval_attention_grad,
      .expand = expand_attention_grad,
      .batch = rows_stay_apart,
      .samples = [] { return samples_of(true); },
  });
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o,
                 Location where) {
  const std::int64_t kv_heads = k.rank() == 4 ? k.dim(2) : 1;
  return call(attrs_of(o, q.rank() > 0 ? q.dim(-1) : 1, kv_heads), {q, k, v}, o.mask, where);
}

Tensor self_attention(const Tensor& qkv, std::int64_t kv_heads, const AttentionOptions& o,
                      Location where) {
  return call(attrs_of(o, qkv.rank() > 0 ? qkv.dim(-1) : 1, kv_heads), {qkv}, o.mask, where);
}

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const AttentionOptions& o, Location where) {
  const int rank = q.rank();
  if (rank < 2 || k.rank() != rank || v.rank() != rank) {
    throw Error(
        fmt::format("scaled_dot_product_attention: queries {}, keys {}, values {}; expected "
                    "[..., H, L, E], [..., H', S, E], [..., H', S, Ev]",
                    q.spec().str(), k.spec().str(), v.spec().str()),
        where);
  }
  if (o.mask.defined() && o.mask.rank() > rank) {
    throw Error(fmt::format("scaled_dot_product_attention: mask is {}, queries are {}",
                            o.mask.spec().str(), q.spec().str()),
                where);
  }
  // The axes before [H, L, E], or before [L, E] where there is one head.
  const auto lead = static_cast<std::size_t>(rank < 4 ? rank - 2 : rank - 3);
  const auto leading = [lead](const Tensor& x) { return Shape(x.shape().extents().first(lead)); };
  const char* const name = "scaled_dot_product_attention";
  const Shape batch = broadcast_shapes(name, broadcast_shapes(name, leading(q), leading(k), where),
                                       leading(v), where);
  const auto with_leading = [&](const Tensor& x) {
    std::vector<std::int64_t> full(batch.begin(), batch.end());
    const auto own = x.shape().extents().subspan(lead);
    full.insert(full.end(), own.begin(), own.end());
    return leading(x) == batch ? x : expand(x, Shape(full), where);
  };
  // [B, H, L, E], the leading axes as one.
  const auto four = [&](const Tensor& x) {
    const std::int64_t heads = rank < 4 ? 1 : x.dim(-3);
    return reshape(with_leading(x), Shape{batch.size(), heads, x.dim(-2), x.dim(-1)}, where);
  };
  AttentionOptions options = o;
  if (Tensor& m = options.mask; m.defined() && rank != 4) {
    while (m.rank() < rank) m = unsqueeze(m, 0, where);
    m = four(m);
  }
  const Tensor y = attention(transpose(four(q), 1, 2), transpose(four(k), 1, 2),
                             transpose(four(v), 1, 2), options, where);
  Shape shape = with_leading(q).shape();
  return reshape(transpose(y, 1, 2), shape.with(rank - 1, v.dim(-1)), where);
}

}  // namespace ingrad
