// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention (Vaswani et al. 2017, equation 1). Floating dtypes, one for all
// operands of a call. Memory grows with the number of keys, not with queries times keys, also in
// the backward pass. Error on shapes that do not fit.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/tensor.h"

namespace ingrad {

struct AttentionOptions {
  // Query i sees keys 0 .. i only, also where there are more or fewer keys than queries.
  bool causal = false;
  std::optional<double> scale = {};  // of the scores; default 1 / sqrt(width of a query)
  // Added to the scores, or of dtype boolean: may the key be seen? Broadcasts against
  // [batch, heads, queries, keys] (or [..., queries, keys], where operands have other axes). A
  // query that sees no key gives 0.
  Tensor mask = {};
};

// q [..., H, L, E], k [..., H', S, E], v [..., H', S, Ev] to [..., H, L, Ev]: softmax(scale q k^T)
// v. H' divides H: neighbouring heads of queries share keys and values. Fewer axes stand for one
// head, one batch entry; leading axes broadcast. As in PyTorch.
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const AttentionOptions& options = {},
                                    Location where = Location::current());

// The same without transposes, on what linear layers give: q [B, L, H, E], k [B, S, H', E],
// v [B, S, H', Ev] to [B, L, H, Ev].
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const AttentionOptions& options = {}, Location where = Location::current());
// With all heads in one operand, those of queries first, then `kv_heads` of keys and as many of
// values: qkv [B, L, H + 2 kv_heads, E] to [B, L, H, E].
Tensor self_attention(const Tensor& qkv, std::int64_t kv_heads,
                      const AttentionOptions& options = {}, Location where = Location::current());

}  // namespace ingrad
