// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/layers/embedding.h"

namespace ingrad {

enum class GptLogits : std::uint8_t {
  last,  // of what follows the last position: [N, outputs], for classifying and explaining
  all,   // at every position: [N, L, outputs], for training
};

struct GptOptions {
  std::int64_t width = 128;
  std::int64_t layers = 4;
  std::int64_t heads = 4;
  std::int64_t hidden = 0;  // units of a block's hidden layer; 0: four times the width
  GptLogits logits = GptLogits::last;
  bool tied = true;                      // the head's weight is the table of embeddings
  std::string activation = "gelu_tanh";  // see Activation
  double dropout = 0;            // after the embeddings and in the blocks; the paper has 0.1
  double attention_dropout = 0;  // of the weights of attention; likewise
  DType dtype = DType::f32;
};

// Decoder-only language model (GPT-2, Radford et al. 2019): embedded tokens plus a learned position
// embedding, causal blocks with norms first, a layer norm, and logits of the next token. x is token
// numbers [N, L] (i64 or i32, below `vocabulary`), or embeddings [N, L, width] as embed() gives
// them, with respect to which it can be differentiated; 1 <= L <= context. Error otherwise, as
// MultiHeadAttention, and for numbers below 1.
//
// Parameter names are GPT-2's (wte.weight, wpe.weight, h.0.ln_1.weight, h.0.attn.c_attn.weight,
// h.0.attn.c_proj.weight, h.0.mlp.c_fc.weight, h.0.mlp.c_proj.weight, ln_f.weight, lm_head.weight),
// weights of linear layers are [out, in]. Initial weights are normal with standard deviation 0.02,
// those of the last map of each branch divided by sqrt(2 layers); biases zero.
class Gpt : public Module {
 public:
  Gpt(std::int64_t context, std::int64_t vocabulary, const GptOptions& options = {},
      Location where = Location::current());
  std::string describe() const override { return description_; }

  // The rows of the table for token numbers [N, L]: [N, L, width].
  Tensor embed(const Tensor& tokens, Location where = Location::current()) const;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;

  std::int64_t context_, width_;
  GptLogits logits_;
  DType dtype_;
  const Embedding* tokens_;
  const Module *positions_, *blocks_, *norm_, *head_;
  const Module* dropout_ = nullptr;
  std::string description_;
};

// The weights of a released GPT-2 as Gpt's: without the prefix "transformer." and the buffers that
// hold masks, with the weights of linear layers, which are [in, out] there, transposed, and with
// the head's weight where the file leaves it to the table. To be given to Module::load_state.
NamedTensors from_gpt2_weights(const NamedTensors& released, Location where = Location::current());

}  // namespace ingrad
