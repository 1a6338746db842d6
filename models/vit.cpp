// SPDX-License-Identifier: Apache-2.0
#include "models/vit.h"

#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "models/layers/dropout.h"
#include "models/layers/layer_norm.h"
#include "models/layers/linear.h"
#include "models/layers/patch_embedding.h"
#include "models/layers/text.h"
#include "models/layers/transformer_block.h"
#include "models/model_spec.h"

namespace ingrad {
namespace {

constexpr double kEpsilon = 1e-6;  // of the layer norms

// The position embedding, the blocks and the last norm.
class Encoder : public Module {
 public:
  Encoder(std::int64_t tokens, const VitOptions& o, Location where) {
    positions_ = add_parameter("pos_embedding", Shape({1, tokens, o.width}, where), o.dtype,
                               init::normal(0, 0.02), where);
    if (o.dropout != 0) {
      dropout_ = &add_module("dropout", std::make_unique<Dropout>(o.dropout, where));
    }
    auto layers = std::make_unique<Sequential>();
    const TransformerBlockOptions block{.hidden = o.hidden,
                                        .dropout = o.dropout,
                                        .attention_dropout = o.attention_dropout,
                                        .hidden_dropout = o.dropout,
                                        .epsilon = kEpsilon,
                                        .dtype = o.dtype,
                                        .initial_weight = init::xavier_uniform(),
                                        .initial_out = init::xavier_uniform(),
                                        .initial_bias = init::normal(0, 1e-6),
                                        .names = {.attention = "self_attention",
                                                  .norm1 = "ln_1",
                                                  .norm2 = "ln_2",
                                                  .linear1 = "mlp.0",
                                                  .activation = "mlp.1",
                                                  .linear2 = "mlp.3",
                                                  .norms_last = false}};
    for (std::int64_t i = 0; i < o.layers; ++i) {
      layers->append(fmt::format("encoder_layer_{}", i),
                     std::make_unique<TransformerBlock>(o.width, o.heads, block, where));
    }
    layers_ = &add_module("layers", std::move(layers));
    norm_ = &add_module("ln", std::make_unique<LayerNorm>(
                                  IntList{o.width},
                                  LayerNormOptions{.epsilon = kEpsilon, .dtype = o.dtype}, where));
  }

  std::string describe() const override { return "Encoder"; }

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override {
    Tensor y = x + pass(positions_);
    if (dropout_ != nullptr) y = dropout_->run(y, pass);
    return norm_->run(layers_->run(y, pass), pass);
  }

  Tensor positions_;
  const Module* dropout_ = nullptr;
  const Module *layers_, *norm_;
};

void check(const Shape& input, std::int64_t outputs, const VitOptions& o, Location where) {
  constexpr std::int64_t kMost = 1 << 16;
  for (const auto& [name, value, least] : {std::tuple{"patch", o.patch, 1},
                                           {"width", o.width, 1},
                                           {"layers", o.layers, 1},
                                           {"heads", o.heads, 1},
                                           {"hidden", o.hidden, 0}}) {
    if (value < least || value > kMost) {
      throw Error(fmt::format("vit: {} {}; expected {} to {}", name, value, least, kMost), where);
    }
  }
  check_image_model("vit", input, outputs, o.patch, where);
  if (input[1] % o.patch != 0 || input[2] % o.patch != 0) {
    throw Error(fmt::format("vit: input {}; expected height and width that are multiples of the "
                            "patch, {}",
                            input.str(), o.patch),
                where);
  }
}

}  // namespace

Vit::Vit(const Shape& input, std::int64_t outputs, const VitOptions& o, Location where)
    : input_(input), pool_(o.pool) {
  check(input, outputs, o, where);
  if (o.pool == VitPool::token) {
    class_token_ = add_parameter("class_token", Shape({1, 1, o.width}, where), o.dtype,
                                 init::constant(0), where);
  }
  const auto fan_in = static_cast<double>(input[0] * o.patch * o.patch);
  const double deviation = 1 / std::sqrt(fan_in);
  patches_ = &add_module(
      "conv_proj", std::make_unique<PatchEmbedding>(
                       input[0], o.patch, o.width,
                       PatchEmbeddingOptions{.dtype = o.dtype,
                                             .initial_weight = init::truncated_normal(0, deviation),
                                             .initial_bias = init::constant(0)},
                       where));
  const std::int64_t tokens =
      (input[1] / o.patch) * (input[2] / o.patch) + (o.pool == VitPool::token ? 1 : 0);
  encoder_ = &add_module("encoder", std::make_unique<Encoder>(tokens, o, where));
  head_ = &add_module(
      "heads.head",
      std::make_unique<Linear>(
          o.width, outputs,
          LinearOptions{.dtype = o.dtype,
                        .initial_weight = o.zero_init_head
                                              ? init::constant(0)
                                              : init::truncated_normal(0, 0.02, -0.04, 0.04),
                        .initial_bias = init::constant(0)},
          where));
  description_ = fmt::format(
      "Vit({}, {}, patch={}, width={}, layers={}, heads={}{}{}{}{}{}{})", input.str(), outputs,
      o.patch, o.width, o.layers, o.heads, option_text("hidden", o.hidden, std::int64_t{0}),
      o.pool == VitPool::mean ? ", pool=mean" : "", option_text("dropout", o.dropout, 0.0),
      option_text("attention_dropout", o.attention_dropout, 0.0),
      option_text("zero_init_head", o.zero_init_head, false), dtype_option(o.dtype));
}

Tensor Vit::forward(const Tensor& x, Pass& pass) const {
  if (x.rank() != 4 || x.shape().without(0) != input_) {
    throw Error(fmt::format("input {}; expected [N, {}, {}, {}]", x.spec().str(), input_[0],
                            input_[1], input_[2]));
  }
  Tensor tokens = patches_->run(x, pass);
  if (class_token_.defined()) tokens = prepend_token(tokens, pass(class_token_));
  const Tensor y = encoder_->run(tokens, pass);
  return head_->run(pool_ == VitPool::token ? select(y, 1, 0) : mean(y, {1}), pass);
}

}  // namespace ingrad
