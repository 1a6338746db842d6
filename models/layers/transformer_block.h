// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/layers/multi_head_attention.h"

namespace ingrad {

// What the parts are called; the defaults are those of torch.nn.TransformerEncoderLayer.
struct TransformerBlockNames {
  std::string attention = "self_attn";
  std::string norm1 = "norm1", norm2 = "norm2";
  std::string linear1 = "linear1", activation = "activation", linear2 = "linear2";
  MultiHeadAttentionNames in_attention = {};
  bool norms_last = true;  // in lists: behind attention and linear layers, rather than before each
};

struct TransformerBlockOptions {
  bool norm_first = true;           // false: after each sum, as in PyTorch's default
  bool causal = false;              // position i sees positions 0 .. i only
  std::int64_t hidden = 0;          // units of the hidden layer; 0: four times the width
  std::string activation = "gelu";  // see Activation
  double dropout = 0;               // of what attention and the two linear layers add to x
  double attention_dropout = 0;     // of the weights of attention
  double hidden_dropout = 0;        // of the hidden units
  double epsilon = 1e-5;            // of the layer norms
  DType dtype = DType::f32;
  // Of attention's projections in, and of linear1; default: as in PyTorch.
  Initializer initial_attention_weight = {}, initial_weight = {};
  // Of attention's projection out, and of linear2: the last maps of the two branches.
  Initializer initial_attention_out = {}, initial_out = {};
  Initializer initial_bias = {};  // of linear1 and linear2
  TransformerBlockNames names = {};
};

// A layer of a transformer, x [N, L, width] to the same shape: self-attention, then two linear
// layers with an activation between them, each beside a residual connection. With norms first
// (Xiong et al. 2020): y = x + attention(norm1(x)), y + mlp(norm2(y)); else (Vaswani et al. 2017)
// y = norm1(x + attention(x)), norm2(y + mlp(y)).
class TransformerBlock : public Module {
 public:
  TransformerBlock(std::int64_t width, std::int64_t heads,
                   const TransformerBlockOptions& options = {},
                   Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  Tensor mlp(const Tensor& x, Pass& pass) const;

  std::int64_t width_, heads_, hidden_;
  TransformerBlockOptions options_;
  const Module *attention_, *linear1_, *activation_, *linear2_, *norm1_, *norm2_;
  // Null where nothing is dropped.
  const Module *drop_attention_ = nullptr, *drop_hidden_ = nullptr, *drop_mlp_ = nullptr;
};

}  // namespace ingrad
