// SPDX-License-Identifier: Apache-2.0
// How a matrix product is cut into work units. All back ends share the cut, because the number of
// units is a property of the arguments.
#pragma once

#include <algorithm>

#include "kernels/gemm.h"

namespace ingrad::kernels {

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

// Splits an extent into equal parts of at most `most`, rounded up to `multiple`.
constexpr std::int64_t even_part(std::int64_t extent, std::int64_t most, std::int64_t multiple) {
  return round_up(std::max<std::int64_t>(
                      1, ceil_div(extent, std::max<std::int64_t>(1, ceil_div(extent, most)))),
                  multiple);
}

// The sum over k runs in equal parts of at most kDepth terms, each by fused multiply-adds in the
// order of k from zero; the parts are added in order.
struct Depth {
  static constexpr std::int64_t kDepth = 384;

  explicit constexpr Depth(std::int64_t terms)
      : k(terms),
        parts(std::max<std::int64_t>(1, ceil_div(terms, kDepth))),
        part(ceil_div(terms, parts)) {}
  std::int64_t begin(std::int64_t i) const { return std::min(k, i * part); }
  std::int64_t size(std::int64_t i) const { return begin(i + 1) - begin(i); }

  std::int64_t k, parts, part;
};

// Units in the order (batch entry, column block, row block). A wide product of few rows is cut by
// columns only, so that threads share no column of B; any other by blocks of columns that fit the
// second-level cache once packed, and by rows inside.
struct GemmBlocks {
  static constexpr std::int64_t kFewRows = 48;
  static constexpr std::int64_t kColumns = 512;  // most columns that are packed at a time
  static constexpr std::int64_t kPanel = 32;     // a multiple of every instruction set's panel
  static constexpr std::int64_t kRows = 12;      // a multiple of every instruction set's tile

  explicit GemmBlocks(const GemmArgs& a)
      : m(a.m),
        n(a.n),
        rows(a.m <= kFewRows && a.n > kPanel ? std::max<std::int64_t>(a.m, 1) : kRows),
        columns(a.m <= kFewRows && a.n > kPanel ? kPanel : even_part(a.n, kColumns, kPanel)),
        row_blocks(ceil_div(a.m, rows)),
        column_blocks(ceil_div(a.n, columns)) {}

  struct Block {
    std::int64_t batch, row, rows, column, columns, units;
  };
  std::int64_t per_batch() const { return row_blocks * column_blocks; }

  // The largest block of at most kColumns columns that starts with unit `begin` and ends before
  // unit `end`.
  Block first(std::int64_t begin, std::int64_t end) const {
    Block b{};
    b.batch = begin / per_batch();
    const std::int64_t u = begin % per_batch(), column_block = u / row_blocks;
    const std::int64_t row_block = u % row_blocks;
    b.units = std::min(end - begin, row_blocks - row_block);
    std::int64_t wide = 1;
    if (row_blocks == 1) {
      wide = std::min({kColumns / columns, end - begin, column_blocks - column_block});
      wide = std::max<std::int64_t>(wide, 1);
      b.units = wide;
    }
    b.row = row_block * rows;
    b.rows = std::min(m - b.row, (row_blocks == 1 ? 1 : b.units) * rows);
    b.column = column_block * columns;
    b.columns = std::min(n - b.column, wide * columns);
    return b;
  }

  std::int64_t m, n, rows, columns, row_blocks, column_blocks;
};

}  // namespace ingrad::kernels
