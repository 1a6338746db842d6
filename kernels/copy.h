// SPDX-License-Identifier: Apache-2.0
// Copies between strided layouts: what contiguous, concat, pad, flip and slices with steps need.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// dst[sum_a i[a] * dst_stride[a]] = src[sum_a i[a] * src_stride[a]] for every index i below
// `extent`. Strides are in elements and may be negative, those of src also 0; src and dst point at
// index 0. No element of dst is written twice and none overlaps src. rank 0 is one element.
struct CopyArgs {
  const void* src = nullptr;
  void* dst = nullptr;
  int rank = 0;
  std::array<std::int64_t, kMaxRank> extent{};
  std::array<std::int64_t, kMaxRank> src_stride{};
  std::array<std::int64_t, kMaxRank> dst_stride{};

  template <class F>
  void for_each_operand(F&& f) {
    f(src);
    f(dst);
  }
};

// Reorders and merges axes so that few are left and the innermost is as contiguous as can be. The
// copy stays the same; kernels are fast only on simplified arguments.
void simplify(CopyArgs& a);

// The part of a copy that one work unit does: rows x columns with the strides of the last two
// axes.
struct CopyBlock {
  std::int64_t src = 0, dst = 0;  // element offsets
  std::int64_t rows = 0, columns = 0;
  std::int64_t src_row = 0, dst_row = 0, src_column = 0, dst_column = 0;
};
CopyBlock block_of(const CopyArgs& a, std::int64_t unit);

// Every dtype but mask, by element size.
extern const Family<CopyArgs> copy;

// dst[i] = value for i < count, converted by the rules of kernels/elementwise.h.
struct FillArgs {
  void* dst = nullptr;
  std::int64_t count = 0;
  double value = 0;

  template <class F>
  void for_each_operand(F&& f) {
    f(dst);
  }
};

// Every dtype but mask.
extern const Family<FillArgs> fill;

}  // namespace ingrad::kernels
