// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/attention.h"
#include "kernels/gemm_blocks.h"

namespace ingrad::kernels::cpu {

void attention_f32(const AttentionArgs& a, Range r);
void attention_f64(const AttentionArgs& a, Range r);
void attention_grad_f32(const AttentionGradArgs& a, Range r);
void attention_grad_f64(const AttentionGradArgs& a, Range r);

// Elements of each part of a thread's working memory. A part is a whole number of cache lines.
struct AttentionWork {
  explicit AttentionWork(const AttentionShape& a)
      : keys(round_up(a.keys, kPanel)),
        width(round_up(a.width, kPanel)),
        value_width(round_up(a.value_width, kPanel)),
        rows(AttentionBlocks(a).rows),
        score_step(keys + kLine),  // not a multiple of a page
        scores(rows * score_step),
        tile(kTileStride * std::max({keys, width, value_width})) {}
  static constexpr std::int64_t kPanel = GemmBlocks::kPanel, kLine = 16, kTileStride = 12;
  std::int64_t keys, width, value_width, rows, score_step, scores, tile;
};

inline std::int64_t attention_scratch_bytes(const AttentionArgs& a) {
  const AttentionWork w(a);
  return 8 * (w.keys * (w.width + w.value_width) + w.scores + w.tile);
}
inline std::int64_t attention_grad_scratch_bytes(const AttentionGradArgs& a) {
  const AttentionWork w(a);
  return 8 * (w.keys * (2 * w.width + w.value_width) + w.rows * (w.width + w.value_width) +
              2 * w.scores + w.tile);
}

}  // namespace ingrad::kernels::cpu
