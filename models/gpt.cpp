// SPDX-License-Identifier: Apache-2.0
#include "models/gpt.h"

#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "models/layers/dropout.h"
#include "models/layers/layer_norm.h"
#include "models/layers/linear.h"
#include "models/layers/position_embedding.h"
#include "models/layers/sequential.h"
#include "models/layers/text.h"
#include "models/layers/transformer_block.h"

namespace ingrad {
namespace {

constexpr double kDeviation = 0.02;  // of initial weights

// x times a weight that belongs to another module, without a bias.
class TiedHead : public Module {
 public:
  explicit TiedHead(const Tensor& weight) : weight_(weight) { share_parameter("weight", weight); }
  std::string describe() const override { return "TiedHead"; }

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override { return linear(x, pass(weight_)); }
  Tensor weight_;
};

void check(std::int64_t context, std::int64_t vocabulary, const GptOptions& o, Location where) {
  constexpr std::int64_t kMost = 1 << 20;
  for (const auto& [name, value, least] : {std::tuple{"context", context, 1},
                                           {"vocabulary", vocabulary, 1},
                                           {"width", o.width, 1},
                                           {"layers", o.layers, 1},
                                           {"heads", o.heads, 1},
                                           {"hidden", o.hidden, 0}}) {
    if (value < least || value > kMost) {
      throw Error(fmt::format("gpt: {} {}; expected {} to {}", name, value, least, kMost), where);
    }
  }
}

}  // namespace

Gpt::Gpt(std::int64_t context, std::int64_t vocabulary, const GptOptions& o, Location where)
    : context_(context), width_(o.width), logits_(o.logits), dtype_(o.dtype) {
  check(context, vocabulary, o, where);
  const Initializer initial = init::normal(0, kDeviation);
  tokens_ =
      &add_module("wte", std::make_unique<Embedding>(
                             vocabulary, o.width,
                             EmbeddingOptions{.dtype = o.dtype, .initial_weight = initial}, where));
  positions_ = &add_module(
      "wpe", std::make_unique<PositionEmbedding>(
                 context, o.width,
                 PositionEmbeddingOptions{.dtype = o.dtype, .initial_weight = initial}, where));
  if (o.dropout != 0) {
    dropout_ = &add_module("drop", std::make_unique<Dropout>(o.dropout, where));
  }
  const Initializer initial_out =
      init::normal(0, kDeviation / std::sqrt(2 * static_cast<double>(o.layers)));
  const TransformerBlockOptions block{
      .causal = true,
      .hidden = o.hidden,
      .activation = o.activation,
      .dropout = o.dropout,
      .attention_dropout = o.attention_dropout,
      .dtype = o.dtype,
      .initial_attention_weight = initial,
      .initial_weight = initial,
      .initial_attention_out = initial_out,
      .initial_out = initial_out,
      .initial_bias = init::constant(0),
      .names = {
          .attention = "attn",
          .norm1 = "ln_1",
          .norm2 = "ln_2",
          .linear1 = "mlp.c_fc",
          .activation = "mlp.act",
          .linear2 = "mlp.c_proj",
          .in_attention = {.in_weight = "c_attn.weight", .in_bias = "c_attn.bias", .out = "c_proj"},
          .norms_last = false}};
  auto blocks = std::make_unique<Sequential>();
  for (std::int64_t i = 0; i < o.layers; ++i) {
    blocks->append(std::make_unique<TransformerBlock>(o.width, o.heads, block, where));
  }
  blocks_ = &add_module("h", std::move(blocks));
  norm_ = &add_module("ln_f", std::make_unique<LayerNorm>(
                                  IntList{o.width}, LayerNormOptions{.dtype = o.dtype}, where));
  if (o.tied) {
    head_ = &add_module("lm_head", std::make_unique<TiedHead>(tokens_->weight()));
  } else {
    head_ = &add_module(
        "lm_head",
        std::make_unique<Linear>(
            o.width, vocabulary,
            LinearOptions{.bias = false, .dtype = o.dtype, .initial_weight = initial}, where));
  }
  description_ = fmt::format(
      "Gpt({}, {}, width={}, layers={}, heads={}{}{}{}{}{}{}{})", context, vocabulary, o.width,
      o.layers, o.heads, option_text("hidden", o.hidden, std::int64_t{0}),
      o.logits == GptLogits::all ? ", logits=all" : "", option_text("tied", o.tied, true),
      option_text("activation", o.activation, std::string("gelu_tanh")),
      option_text("dropout", o.dropout, 0.0),
      option_text("attention_dropout", o.attention_dropout, 0.0), dtype_option(o.dtype));
}

Tensor Gpt::embed(const Tensor& tokens, Location where) const { return (*tokens_)(tokens, where); }

Tensor Gpt::forward(const Tensor& x, Pass& pass) const {
  const bool numbers = x.dtype() == DType::i64 || x.dtype() == DType::i32;
  const bool fits =
      numbers ? x.rank() == 2 : x.rank() == 3 && x.dim(2) == width_ && x.dtype() == dtype_;
  if (!fits) {
    throw Error(
        fmt::format("input {}; expected token numbers i64 or i32 [N, L], or embeddings {} "
                    "[N, L, {}]",
                    x.spec().str(), name_of(dtype_), width_));
  }
  if (x.dim(1) < 1 || x.dim(1) > context_) {
    throw Error(fmt::format("sequences of {} tokens; expected 1 to {}", x.dim(1), context_));
  }
  Tensor y = positions_->run(numbers ? tokens_->run(x, pass) : x, pass);
  if (dropout_ != nullptr) y = dropout_->run(y, pass);
  y = blocks_->run(y, pass);
  // The norm and the head work on each position by itself.
  if (logits_ == GptLogits::last) y = select(y, 1, -1);
  return head_->run(norm_->run(y, pass), pass);
}

NamedTensors from_gpt2_weights(const NamedTensors& released, Location where) {
  constexpr std::string_view kPrefix = "transformer.";
  NamedTensors all;
  Tensor table;
  bool head = false;
  for (const auto& [full, tensor] : released) {
    const std::string name = full.starts_with(kPrefix) ? full.substr(kPrefix.size()) : full;
    if (name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias")) continue;
    const bool linear = name.ends_with(".c_attn.weight") || name.ends_with(".c_proj.weight") ||
                        name.ends_with(".c_fc.weight");
    if (linear && tensor.rank() != 2) {
      throw Error(
          fmt::format("from_gpt2_weights: {} is {}; expected a matrix", full, tensor.spec().str()),
          where);
    }
    all.push_back({name, linear ? contiguous(transpose(tensor, 0, 1)) : tensor});
    if (name == "wte.weight") table = tensor;
    head = head || name == "lm_head.weight";
  }
  if (!head && table.defined()) all.push_back({"lm_head.weight", table});
  return all;
}

}  // namespace ingrad
