// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/reduce.h"

namespace ingrad::kernels::cpu {

// The fixed tree (see ReduceArgs): interleaved partial results, elements per chunk.
inline constexpr std::int64_t kReduceWays = 32;
inline constexpr std::int64_t kReduceChunk = 1024;
// Columns that are reduced side by side, and levels of the tree above the chunks.
inline constexpr std::int64_t kReduceStrip = 64;
inline constexpr std::int64_t kReduceLevels = 48;
// Strided elements of two operands are gathered chunk by chunk; columns need their partial results
// and one strip per level; f64 is the larger.
inline constexpr std::int64_t kReduceScratchBytes =
    8 * kReduceStrip * (kReduceWays + kReduceLevels + 2);
static_assert(kReduceScratchBytes >= 2 * 8 * kReduceChunk);

void reduce_f32(const ReduceArgs& a, Range r);
void reduce_f64(const ReduceArgs& a, Range r);
void reduce_i32(const ReduceArgs& a, Range r);
void reduce_i64(const ReduceArgs& a, Range r);
void reduce_u8(const ReduceArgs& a, Range r);
void reduce_combine_f32(const ReduceCombineArgs& a, Range r);
void reduce_combine_f64(const ReduceCombineArgs& a, Range r);

// Positions, count_nonzero, any and all: called by the functions above.
template <class T>
void reduce_discrete(const ReduceArgs& a, Range r);

}  // namespace ingrad::kernels::cpu
