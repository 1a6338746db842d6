// SPDX-License-Identifier: Apache-2.0
// How convolutions are cut into work units, and which of two methods computes one: both are
// properties of the arguments, shared by all back ends.
#pragma once

#include "kernels/conv.h"
#include "kernels/gemm_blocks.h"

namespace ingrad::kernels {

constexpr std::int64_t product(const std::array<std::int64_t, 3>& v) { return v[0] * v[1] * v[2]; }

// How a convolution is computed; the method depends on everything but the batch, and all sum in the
// same order.
enum class ConvMethod : std::uint8_t {
  direct,  // few output channels per group: pixels in the lanes, straight from the padded source
  strips,  // register tiles over shifted copies of the source, in which lanes are consecutive
           // pixels
  gather,  // packed panels of pixels of any images: for planes that fill vectors badly
};

// Output points ("pixels") are counted over the batch: p = n * product(grid) + point. Units in the
// order (group, span, pixel block, channel block); a span is what a pixel block must not leave.
// direct: spans are the grid's planes, blocks some of their rows. strips: likewise, or whole
// planes, or a piece of one row. gather: the one span is the whole batch. Few pixels are cut by
// output channels too.
struct ConvBlocks {
  static constexpr std::int64_t kDirectChannels = 4;
  static constexpr std::int64_t kDirectPixels = 512;  // about so many pixels in a direct block
  static constexpr std::int64_t kStripPixels = 256;   // most pixels of a strip block
  static constexpr std::int64_t kGatherPixels = 128;  // most pixels that are packed at a time
  static constexpr std::int64_t kFewPixels = 512;
  static constexpr std::int64_t kPanel = 32;
  static constexpr std::int64_t kRows = 12;
  static constexpr std::int64_t kLanes = 16;  // of the widest vectors

  explicit ConvBlocks(const ConvArgs& a) : groups(a.groups), channels(a.out_channels) {
    const std::int64_t planes = a.batch * a.grid[0], plane = a.grid[1] * a.grid[2];
    const std::int64_t width = std::max<std::int64_t>(a.grid[2], 1);
    const bool few = planes * plane <= kFewPixels;
    // A strip block of a plane: all of it, some rows, or a piece of one row.
    std::int64_t piece = plane;
    if (plane > kStripPixels) {
      piece = width <= kStripPixels ? even_part(a.grid[1], kStripPixels / width, 1) * width
                                    : even_part(width, kStripPixels, kLanes);
    }
    rows = few ? kRows : std::max<std::int64_t>(channels, 1);
    if (channels <= kDirectChannels) {
      method = ConvMethod::direct;
      spans = planes;
      span = plane;
      pixels = even_part(a.grid[1], std::max<std::int64_t>(1, kDirectPixels / width), 1) * width;
      rows = std::max<std::int64_t>(channels, 1);
    } else if (4 * piece >= 3 * round_up(piece, kLanes)) {
      method = ConvMethod::strips;
      if (piece == plane) {
        spans = 1;
        span = planes * plane;
        pixels = few ? std::max<std::int64_t>(span, 1) : std::max<std::int64_t>(plane, 1);
        merged = std::max<std::int64_t>(1, kStripPixels / pixels);
      } else {
        spans = piece < width ? planes * a.grid[1] : planes;
        span = piece < width ? width : plane;
        pixels = piece;
      }
    } else {
      method = ConvMethod::gather;
      spans = 1;
      span = planes * plane;
      pixels = few ? round_up(std::max<std::int64_t>(span, 1), kPanel) : kPanel;
      merged = kGatherPixels / kPanel;
    }
    pixel_blocks = ceil_div(span, pixels);
    row_blocks = ceil_div(channels, rows);
  }

  struct Block {
    std::int64_t group, pixel, pixels, channel, channels, units;
  };
  std::int64_t units() const { return groups * spans * pixel_blocks * row_blocks; }

  // The largest block that starts with unit `begin` and ends before unit `end`, of at most `merged`
  // pixel blocks.
  Block first(std::int64_t begin, std::int64_t end) const {
    Block b{};
    const std::int64_t row_block = begin % row_blocks, above = begin / row_blocks;
    const std::int64_t pixel_block = above % pixel_blocks;
    const std::int64_t span_index = above / pixel_blocks % spans;
    b.group = above / pixel_blocks / spans;
    std::int64_t wide = 1;
    b.units = std::min(end - begin, row_blocks - row_block);
    if (row_blocks == 1) {
      wide = std::min({merged, end - begin, pixel_blocks - pixel_block});
      b.units = wide;
    }
    b.channel = row_block * rows;
    b.channels = std::min(channels - b.channel, (row_blocks == 1 ? 1 : b.units) * rows);
    b.pixel = span_index * span + pixel_block * pixels;
    b.pixels = std::min(span - pixel_block * pixels, wide * pixels);
    return b;
  }
  // Most pixels of a block.
  std::int64_t block_pixels() const { return merged * pixels; }

  ConvMethod method;
  std::int64_t groups, channels, spans, span, pixels, rows, pixel_blocks, row_blocks;
  std::int64_t merged = 1;  // pixel blocks that are computed together where channels are not cut
};

// The weight gradient is a product of [out_channels] x [in_channels * taps], summed over pixels.
// Units in the order (group, column block, row block). `strips`: pixels in the lanes, a piece at a
// time (whole planes, rows of one, or part of a row); otherwise by packed panels, for small planes,
// those that fill vectors badly, and output rows with gaps.
struct ConvWeightGradBlocks {
  static constexpr std::int64_t kStripColumns = 48;   // most columns (channel, tap) at a time
  static constexpr std::int64_t kStripPixels = 1024;  // most pixels of a piece
  static constexpr std::int64_t kStripPlane = 96;     // pixels of the least plane worth strips
  static constexpr std::int64_t kGatherColumns = 128;
  static constexpr std::int64_t kPanel = 32;
  static constexpr std::int64_t kLanes = 16;  // of the widest vectors

  explicit ConvWeightGradBlocks(const ConvWeightGradArgs& a)
      : m(a.out_channels), n(a.in_channels * a.taps) {
    const std::int64_t plane = a.grid[1] * a.grid[2];
    piece_rows = std::max<std::int64_t>(1, a.grid[1]);
    piece_width = std::max<std::int64_t>(1, a.grid[2]);
    if (plane <= kStripPixels) {
      piece_planes = kStripPixels / std::max<std::int64_t>(1, plane);
    } else if (piece_width <= kStripPixels) {
      piece_rows = even_part(a.grid[1], kStripPixels / piece_width, 1);
    } else {
      piece_rows = 1;
      piece_width = even_part(a.grid[2], kStripPixels, kLanes);
    }
    const std::int64_t piece = piece_rows * piece_width;
    strips = plane >= kStripPlane && 4 * piece >= 3 * round_up(piece, kLanes) &&
             a.out_step[2] == 1 && a.out_step[1] == a.grid[2];
    rows = strips ? 16 : 12;
    merged = strips ? 4 : std::max<std::int64_t>(1, m);
    columns = strips ? even_part(n, kStripColumns, 1) : even_part(n, kGatherColumns, kPanel);
    row_blocks = ceil_div(m, rows);
    column_blocks = ceil_div(n, columns);
  }

  struct Block {
    std::int64_t group, row, rows, column, columns, units;
  };
  std::int64_t per_group() const { return row_blocks * column_blocks; }
  // The largest block that starts with unit `begin` and ends before unit `end`, of at most `merged`
  // row blocks.
  Block first(std::int64_t begin, std::int64_t end) const {
    Block b{};
    b.group = begin / per_group();
    const std::int64_t u = begin % per_group(), row_block = u % row_blocks;
    b.units = std::min({end - begin, row_blocks - row_block, merged});
    b.row = row_block * rows;
    b.rows = std::min(m - b.row, b.units * rows);
    b.column = u / row_blocks * columns;
    b.columns = std::min(n - b.column, columns);
    return b;
  }

  bool strips;
  std::int64_t m, n, rows, columns, row_blocks, column_blocks, merged;
  std::int64_t piece_planes = 1, piece_rows, piece_width;
};

}  // namespace ingrad::kernels
