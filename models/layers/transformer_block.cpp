// SPDX-License-Identifier: Apache-2.0
#include "models/layers/transformer_block.h"

#include "engine/ops/elementwise.h"
#include "models/layers/activation.h"
#include "models/layers/dropout.h"
#include "models/layers/layer_norm.h"
#include "models/layers/text.h"

namespace ingrad {

TransformerBlock::TransformerBlock(std::int64_t width, std::int64_t heads,
                                   const TransformerBlockOptions& o, Location where)
    : width_(width), heads_(heads), hidden_(o.hidden == 0 ? 4 * width : o.hidden), options_(o) {
  const TransformerBlockNames& names = o.names;
  auto attention = std::make_unique<MultiHeadAttention>(
      width, heads,
      MultiHeadAttentionOptions{.causal = o.causal,
                                .dropout = o.attention_dropout,
                                .dtype = o.dtype,
                                .initial_weight = o.initial_attention_weight,
                                .initial_out_weight = o.initial_attention_out,
                                .names = names.in_attention},
      where);
  const auto norm = [&] {
    return std::make_unique<LayerNorm>(
        IntList{width}, LayerNormOptions{.epsilon = o.epsilon, .dtype = o.dtype}, where);
  };
  const auto linear = [&](std::int64_t in, std::int64_t out, const Initializer& weight) {
    return std::make_unique<Linear>(
        in, out,
        LinearOptions{.dtype = o.dtype, .initial_weight = weight, .initial_bias = o.initial_bias},
        where);
  };
  const auto add_norms = [&](bool now_first, bool now_second) {
    if (now_first) norm1_ = &add_module(names.norm1, norm());
    if (now_second) norm2_ = &add_module(names.norm2, norm());
  };
  add_norms(!names.norms_last, false);
  attention_ = &add_module(names.attention, std::move(attention));
  add_norms(false, !names.norms_last);
  linear1_ = &add_module(names.linear1, linear(width, hidden_, o.initial_weight));
  activation_ = &add_module(names.activation, std::make_unique<Activation>(o.activation, where));
  linear2_ = &add_module(names.linear2, linear(hidden_, width, o.initial_out));
  add_norms(names.norms_last, names.norms_last);
  const auto drop = [&](const char* name, double p) -> const Module* {
    return p == 0 ? nullptr : &add_module(name, std::make_unique<Dropout>(p, where));
  };
  drop_attention_ = drop("dropout1", o.dropout);
  drop_hidden_ = drop("dropout", o.hidden_dropout);
  drop_mlp_ = drop("dropout2", o.dropout);
}

std::string TransformerBlock::describe() const {
  const TransformerBlockOptions& o = options_;
  return fmt::format("TransformerBlock({}, heads={}{}{}{}{}{}{}{}{}{})", width_, heads_,
                     option_text("hidden", hidden_, 4 * width_),
                     option_text("norm_first", o.norm_first, true),
                     option_text("causal", o.causal, false),
                     option_text("activation", o.activation, std::string("gelu")),
                     option_text("dropout", o.dropout, 0.0),
                     option_text("attention_dropout", o.attention_dropout, 0.0),
                     option_text("hidden_dropout", o.hidden_dropout, 0.0),
                     option_text("epsilon", o.epsilon, 1e-5), dtype_option(o.dtype));
}

Tensor TransformerBlock::mlp(const Tensor& x, Pass& pass) const {
  Tensor h = activation_->run(linear1_->run(x, pass), pass);
  if (drop_hidden_ != nullptr) h = drop_hidden_->run(h, pass);
  const Tensor y = linear2_->run(h, pass);
  return drop_mlp_ == nullptr ? y : drop_mlp_->run(y, pass);
}

Tensor TransformerBlock::forward(const Tensor& x, Pass& pass) const {
  const auto attend = [&](const Tensor& t) {
    const Tensor y = attention_->run(t, pass);
    return drop_attention_ == nullptr ? y : drop_attention_->run(y, pass);
  };
  if (options_.norm_first) {
    const Tensor y = x + attend(norm1_->run(x, pass));
    return y + mlp(norm2_->run(y, pass), pass);
  }
  const Tensor y = norm1_->run(x + attend(x), pass);
  return norm2_->run(y + mlp(y, pass), pass);
}

}  // namespace ingrad
