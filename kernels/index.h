// SPDX-License-Identifier: Apache-2.0
// Reading and adding at positions given by an index array.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// One axis of [outer][extent][inner] is addressed by indices: entry (o, j, i) of
// [outer][count][inner] goes with position
//   p(o, j, i) = index[o * index_outer + j * index_axis + i * index_inner]
// of that axis. Index strides of 0 share indices: (0, 1, 0) takes whole slices, as an embedding
// does. Every index is in [0, extent); entries whose index equals `skip` take no part (nor,
// on a device, those outside).
//   gather:      dst[o][j][i] = src[o][p][i], 0 where skipped;      dst is [outer][count][inner]
//   scatter_sum: dst[o][k][i] = sum of src[o][j][i] over j in rising order with p(o, j, i) == k,
//                0 where there is none;                             dst is [outer][extent][inner]
// Each is the transpose of the other.
struct IndexArgs {
  const void* src = nullptr;
  const std::int64_t* index = nullptr;
  void* dst = nullptr;
  std::int64_t outer = 1, extent = 0, count = 0, inner = 1;
  std::int64_t index_outer = 0, index_axis = 1, index_inner = 0;
  std::int64_t skip = -1;

  template <class F>
  void for_each_operand(F&& f) {
    f(src);
    f(index);
    f(dst);
  }
};

// gather: every dtype but mask. scatter_sum: f32, f64, i32, i64 (integers wrap around).
extern const Family<IndexArgs> gather;
extern const Family<IndexArgs> scatter_sum;

// Work units: blocks of entries for gather, of the inner extent for scatter_sum, so that each
// output element belongs to one unit.
struct IndexBlock {
  std::int64_t outer, begin, end;
};
IndexBlock gather_block(const IndexArgs& a, std::int64_t unit);
IndexBlock scatter_block(const IndexArgs& a, std::int64_t unit);

// dst[r][c] = 1 where c == index[r], else 0; dst is [rows][classes], indices in [0, classes).
struct OneHotArgs {
  const std::int64_t* index = nullptr;
  void* dst = nullptr;
  std::int64_t rows = 0, classes = 0;

  template <class F>
  void for_each_operand(F&& f) {
    f(index);
    f(dst);
  }
};
// dtypes f32, f64, i32, i64, u8, boolean.
extern const Family<OneHotArgs> one_hot;

}  // namespace ingrad::kernels
