// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention (Vaswani et al. 2017, equation 1) per head, and its backward pass.
// No queries x keys matrix is kept: scores exist for a block of queries at a time, so working
// memory grows with the number of keys alone, and blocks above the diagonal of causal attention are
// skipped.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// Where element (batch b, row i, head h, e) lies: at b * batch + i * row + h * head + e.
struct HeadStrides {
  std::int64_t batch = 0, row = 0, head = 0;
};

struct AttentionShape {
  std::int64_t batch = 0;
  std::int64_t heads = 1;     // of queries
  std::int64_t kv_heads = 1;  // of keys and values, a divisor: head h meets h / (heads / kv_heads)
  std::int64_t queries = 0, keys = 0;
  std::int64_t width = 0;        // of a query and a key
  std::int64_t value_width = 0;  // of a value and a result
  double scale = 1;
  bool causal = false;  // query i sees keys 0 .. i
};

// y_i = sum_j p_ij v_j,  p_i = softmax over j of scale * <q_i, k_j> + mask_ij.
// A query that sees no key, or only such with a mask of -infinity, gives 0.
struct AttentionArgs : AttentionShape {
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  const void* mask = nullptr;  // or null for 0; element (b, i, h, j) with a step of its own for j
  void* y = nullptr;
  HeadStrides q_at, k_at, v_at, mask_at, y_at;
  std::int64_t mask_step = 1;

  template <class F>
  void for_each_operand(F&& f) {
    f(q);
    f(k);
    f(v);
    f(mask);
    f(y);
  }
};

// From dy, laid out as y_at says:  dp_ij = <dy_i, v_j>,  ds_ij = p_ij (dp_ij - sum_j p_ij dp_ij),
//   dq_i = scale sum_j ds_ij k_j,  dk_j = scale sum_i ds_ij q_i,  dv_j = sum_i p_ij dy_i,
// the last two summed over the heads that share a head of keys. The scores are computed again. No
// result overlaps an operand.
struct AttentionGradArgs : AttentionShape {
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  const void* mask = nullptr;
  const void* dy = nullptr;
  void* dq = nullptr;
  void* dk = nullptr;
  void* dv = nullptr;
  HeadStrides q_at, k_at, v_at, mask_at, y_at, dq_at, dk_at, dv_at;
  std::int64_t mask_step = 1;

  template <class F>
  void for_each_operand(F&& f) {
    f(q);
    f(k);
    f(v);
    f(mask);
    f(dy);
    f(dq);
    f(dk);
    f(dv);
  }
};

// dtypes f32, f64. Units: blocks of queries, by batch entry and head; for the gradient the heads of
// keys of each batch entry.
extern const Family<AttentionArgs> attention;
extern const Family<AttentionGradArgs> attention_grad;

// How the queries of a head are cut.
struct AttentionBlocks {
  static constexpr std::int64_t kRows = 48;         // most queries of a block
  static constexpr std::int64_t kScores = 1 << 15;  // most scores of a block of several tiles
  static constexpr std::int64_t kTile = 12;         // queries come in tiles of so many

  explicit AttentionBlocks(const AttentionShape& a);
  std::int64_t rows;   // of a block, but for the last
  std::int64_t count;  // of a head
};

}  // namespace ingrad::kernels
