// SPDX-License-Identifier: Apache-2.0
#include "models/layers/multi_head_attention.h"

#include <cmath>
#include <limits>

#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/ops/attention.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/matmul.h"
#include "engine/ops/random.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "models/layers/text.h"

namespace ingrad {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// softmax(scale q k^T) [N, H, L, S] of q [N, L, H, E] and k [N, S, H, E], as the op has it: a query
// that sees no key has weights zero.
Tensor weights_of(const Tensor& q, const Tensor& k, bool causal, const Tensor& mask) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.dim(3)));
  Tensor s = matmul(transpose(q, 1, 2), permute(k, {0, 2, 3, 1})) * scale;
  if (causal) {
    const Tensor later = triu(Tensor::ones({q.dim(1), k.dim(1)}), 1);
    s = masked_fill(s, cast(later, DType::boolean), -kInfinity);
  }
  if (mask.defined() && mask.dtype() == DType::boolean) {
    s = masked_fill(s, logical_not(mask), -kInfinity);
  } else if (mask.defined()) {
    s = s + mask;
  }
  // The maximum only shifts: its derivative cancels.
  const Tensor most = amax(s.detach(), {3}, true);
  const Tensor t = exp(s - where(eq(most, -kInfinity), 0.0, most));
  const Tensor total = sum(t, {3}, true);
  return t / where(eq(total.detach(), 0.0), 1.0, total);
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(std::int64_t width, std::int64_t heads,
                                       const MultiHeadAttentionOptions& o, Location where)
    : width_(width), heads_(heads), options_(o) {
  if (width < 1 || heads < 1 || width % heads != 0) {
    throw Error(fmt::format("MultiHeadAttention: width {} and {} heads; expected a multiple of the "
                            "heads",
                            width, heads),
                where);
  }
  if (!(o.dropout >= 0 && o.dropout < 1)) {
    throw Error(
        fmt::format("MultiHeadAttention: dropout {}; expected a value in [0, 1)", o.dropout),
        where);
  }
  in_weight_ = add_parameter(o.names.in_weight, Shape({3 * width, width}, where), o.dtype,
                             o.initial_weight ? o.initial_weight : init::xavier_uniform(), where);
  if (o.bias) {
    in_bias_ = add_parameter(o.names.in_bias, {3 * width}, o.dtype, init::constant(0), where);
  }
  out_ = &add_module(o.names.out,
                     std::make_unique<Linear>(width, width,
                                              LinearOptions{.bias = o.bias,
                                                            .dtype = o.dtype,
                                                            .initial_weight = o.initial_out_weight,
                                                            .initial_bias = init::constant(0)},
                                              where));
}

std::string MultiHeadAttention::describe() const {
  return fmt::format("MultiHeadAttention({}, heads={}{}{}{}{})", width_, heads_,
                     option_text("causal", options_.causal, false),
                     option_text("bias", options_.bias, true),
                     option_text("dropout", options_.dropout, 0.0), dtype_option(options_.dtype));
}

// [N, L, count * width] to [N, L, count * heads, width of a head].
Tensor MultiHeadAttention::heads_of(const Tensor& x, std::int64_t count) const {
  return reshape(x, {x.dim(0), x.dim(1), count * heads_, width_ / heads_});
}

bool MultiHeadAttention::wants_weights(const Pass& pass) const {
  return pass.attention_weights || (pass.training() && options_.dropout > 0);
}

Tensor MultiHeadAttention::mix(const Tensor& q, const Tensor& k, const Tensor& v,
                               const Tensor& mask, Pass& pass, Location where) const {
  Tensor y;
  if (wants_weights(pass)) {
    const std::string name = path().empty() ? "weights" : path() + ".weights";
    Tensor w = weights_of(q, k, options_.causal, mask);
    if (pass.attention_weights) w = tap(w, name);
    if (pass.training() && options_.dropout > 0)
      w = dropout(w, options_.dropout, pass.random(name));
    y = transpose(matmul(w, transpose(v, 1, 2)), 1, 2);
  } else {
    y = attention(q, k, v, {.causal = options_.causal, .mask = mask}, where);
  }
  return out_->run(reshape(y, {q.dim(0), q.dim(1), width_}), pass, where);
}

Tensor MultiHeadAttention::attend(const Tensor& query, const Tensor& key, const Tensor& value,
                                  Pass& pass, const Tensor& mask, Location where) const {
  const DeviceScope scope(query.device(), where);
  const Tensor* const from[] = {&query, &key, &value};
  Tensor heads[3];
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor& x = *from[i];
    if (x.rank() != 3 || x.dim(2) != width_) {
      throw Error(fmt::format("MultiHeadAttention: {} {}; expected [N, positions, {}]",
                              i == 0   ? "queries"
                              : i == 1 ? "keys"
                                       : "values",
                              x.spec().str(), width_),
                  where);
    }
    const Tensor& bias = pass(in_bias_);
    heads[i] =
        heads_of(linear(x, narrow(pass(in_weight_), 0, i * width_, width_),
                        bias.defined() ? narrow(bias, 0, i * width_, width_) : Tensor(), where),
                 1);
  }
  return mix(heads[0], heads[1], heads[2], mask, pass, where);
}

Tensor MultiHeadAttention::forward(const Tensor& x, Pass& pass) const {
  if (x.rank() != 3 || x.dim(2) != width_) {
    throw Error(fmt::format("input {}; expected [N, positions, {}]", x.spec().str(), width_));
  }
  const Tensor qkv = heads_of(linear(x, pass(in_weight_), pass(in_bias_)), 3);
  if (wants_weights(pass)) {
    return mix(narrow(qkv, 2, 0, heads_), narrow(qkv, 2, heads_, heads_),
               narrow(qkv, 2, 2 * heads_, heads_), {}, pass, Location::current());
  }
  const Tensor y = self_attention(qkv, heads_, {.causal = options_.causal});
  return out_->run(reshape(y, {x.dim(0), x.dim(1), width_}), pass);
}

}  // namespace ingrad
