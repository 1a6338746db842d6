// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/gemm_blocks.h"

namespace ingrad::kernels::cpu {

void gemm_f32(const GemmArgs& a, Range r);
void gemm_f64(const GemmArgs& a, Range r);
void gemm_i64(const GemmArgs& a, Range r);

// All of B: part by part of the sum, panel by panel of columns.
void pack_gemm_f32(const GemmArgs& a, void* panels);
void pack_gemm_f64(const GemmArgs& a, void* panels);

// About so many rows of A are packed together, in tiles.
inline constexpr std::int64_t kPackedRows = 240;
// Elements per step of the sum of the tiles of at most that many rows of A, for tiles of 12 rows,
// 12 apart, as for tiles of 6 rows, 8 apart; rows are shared out evenly, which can make a tile
// more.
inline std::int64_t packed_a_stride(const GemmArgs& a) {
  const auto tiles = [&](std::int64_t rows) {
    return std::min(ceil_div(a.m, rows), kPackedRows / rows + 2);
  };
  return std::max(12 * tiles(12), 8 * tiles(6));
}

// Packed tiles of A, then packed panels of B unless that was packed before; sized for the larger
// element.
inline std::int64_t gemm_scratch_bytes(const GemmArgs& a) {
  const std::int64_t columns =
      a.panels ? 0 : std::min(round_up(a.n, GemmBlocks::kPanel), GemmBlocks::kColumns);
  return 8 * Depth(a.k).part * (packed_a_stride(a) + columns) + 128;
}

}  // namespace ingrad::kernels::cpu
