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

// A packed tile of A, then packed panels of B unless that was packed before; sized for the larger
// element.
inline std::int64_t gemm_scratch_bytes(const GemmArgs& a) {
  const std::int64_t columns =
      a.panels ? 0 : std::min(round_up(a.n, GemmBlocks::kPanel), GemmBlocks::kColumns);
  return 8 * Depth(a.k).part * (GemmBlocks::kRows + columns) + 128;
}

}  // namespace ingrad::kernels::cpu
