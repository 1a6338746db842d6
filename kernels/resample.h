// SPDX-License-Identifier: Apache-2.0
// A sparse linear map along one axis: average and adaptive pooling, up- and downsampling, padding
// by reflection, rolling, tiling are all this one kernel with different tables, and so are their
// transposes.
#pragma once

#include <vector>

#include "kernels/kernel.h"

namespace ingrad::kernels {

// Row j of an out x in matrix has the entries weight[t] at column index[t] for t in
// [offset[j], offset[j + 1]). Columns may repeat within a row; their weights add up.
struct AxisTable {
  std::int64_t in = 0, out = 0;
  std::vector<std::int64_t> offset{0};  // [out + 1]
  std::vector<std::int64_t> index;
  std::vector<double> weight;

  // Appends an entry to the row that end_row() will close. Zero weights are left out, so that an
  // infinite element meets only the outputs that truly depend on it.
  void add(std::int64_t column, double w) {
    if (w == 0) return;
    index.push_back(column);
    weight.push_back(w);
  }
  void end_row() {
    offset.push_back(static_cast<std::int64_t>(index.size()));
    ++out;
  }

  // Every row has at most one entry, of weight 1: the map moves elements without arithmetic.
  bool moves_only() const;
  AxisTable transposed() const;
};

// dst[o][j][i] = sum_t weight[t] * src[o][index[t]][i], t over row j; src is [outer][in][inner],
// dst [outer][out][inner], both contiguous. Rows without entries give 0. Terms are added in the
// order of the table.
struct ResampleArgs {
  const void* src = nullptr;
  void* dst = nullptr;
  const AxisTable* table = nullptr;
  std::int64_t outer = 1, inner = 1;

  template <class F>
  void for_each_operand(F&& f) {
    f(src);
    f(dst);
  }
};

// dtypes f32, f64; all others but mask for tables that only move elements.
extern const Family<ResampleArgs> resample;

// The part of the output that one work unit does: positions [first, last) of the axis and
// elements [begin, end) of the inner extent, for rows [outer, outer + rows).
struct ResampleBlock {
  std::int64_t outer, rows, first, last, begin, end;
};
ResampleBlock block_of(const ResampleArgs& a, std::int64_t unit);

}  // namespace ingrad::kernels
