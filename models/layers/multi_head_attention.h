// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/layers/linear.h"

namespace ingrad {

// What parameters and modules are called; the defaults are PyTorch's.
struct MultiHeadAttentionNames {
  std::string in_weight = "in_proj_weight";
  std::string in_bias = "in_proj_bias";
  std::string out = "out_proj";
};

struct MultiHeadAttentionOptions {
  bool causal = false;  // position i sees positions 0 .. i only
  bool bias = true;
  double dropout = 0;  // of the weights of attention
  DType dtype = DType::f32;
  Initializer initial_weight = {};      // of the projections in; default: init::xavier_uniform
  Initializer initial_out_weight = {};  // default: init::default_weight, both as in PyTorch
  MultiHeadAttentionNames names = {};
};

// Vaswani et al. 2017, section 3.2.2. Queries, keys and values are linear maps of x [N, L, width],
// cut into heads of width / heads; the heads' results side by side go through another linear map:
// [N, L, width]. Parameters: in_proj_weight [3 width, width] and in_proj_bias [3 width] (those of
// queries, keys, values), out_proj.weight, out_proj.bias; biases start at zero. Error: a width that
// is no multiple of the heads.
//
// The weights of attention are not in memory unless they are asked for: by dropout in training, and
// by Pass::attention_weights, which names them "PATH.weights" [N, heads, queries, keys].
class MultiHeadAttention : public Module {
 public:
  MultiHeadAttention(std::int64_t width, std::int64_t heads,
                     const MultiHeadAttentionOptions& options = {},
                     Location where = Location::current());
  std::string describe() const override;

  // Cross attention: query [N, L, width], key and value [N, S, width] to [N, L, width]. `mask` as
  // in AttentionOptions. run(x, pass) is attend(x, x, x, pass). Errors do not name the module.
  Tensor attend(const Tensor& query, const Tensor& key, const Tensor& value, Pass& pass,
                const Tensor& mask = {}, Location where = Location::current()) const;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  // Of heads q [N, L, H, E], k and v [N, S, H, E]: [N, L, width].
  Tensor mix(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, Pass& pass,
             Location where) const;
  Tensor heads_of(const Tensor& x, std::int64_t count) const;
  bool wants_weights(const Pass& pass) const;

  std::int64_t width_, heads_;
  MultiHeadAttentionOptions options_;
  Tensor in_weight_, in_bias_;
  const Linear* out_;
};

}  // namespace ingrad
