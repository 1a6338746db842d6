// SPDX-License-Identifier: Apache-2.0
// Where the copies of a source ("strips") lie in working memory.
//
// For a block of grid points of one plane, a strip holds what taps of one phase see of the block,
// row below row: entry (z, y, x) is the source at
//   ((Z + z) * step_z + phase_z, (Y + y) * step_y + phase_y, (X + x) * step_x + phase_x)
// with zeros outside. Taps that differ by whole steps read the same strip from another place, so
// that a vector of points is a plain load whatever the tap. Where vectors run over the ends of
// rows, rows must follow each other without a gap: then every offset in x has a strip of its own
// (phase_x is the whole offset), shifted by it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/gemm_blocks.h"

namespace ingrad::kernels::cpu {

struct ConvStrip {
  std::int64_t z, y, x;  // phases; in x the whole offset where strips are shifted
};

struct ConvStrips {
  static constexpr std::int64_t kMaxLanes = 16;

  // For blocks of at most `y_count` grid rows of `x_count` points, and vectors of `lanes`.
  template <class Args>
  ConvStrips(const Args& a, std::int64_t y_count, std::int64_t x_count, std::int64_t lanes)
      : rows(y_count), width(x_count) {
    std::int64_t high[3] = {}, offset_low = 0, offset_high = 0;
    for (std::int64_t tap = 0; tap < a.taps; ++tap) {
      const std::int64_t* const o = a.tap_offset + 3 * tap;
      for (int axis = 0; axis < 3; ++axis) {
        const std::int64_t steps = floor_div(o[axis], a.step[static_cast<std::size_t>(axis)]);
        low[axis] = tap == 0 ? steps : std::min(low[axis], steps);
        high[axis] = tap == 0 ? steps : std::max(high[axis], steps);
      }
      offset_low = tap == 0 ? o[2] : std::min(offset_low, o[2]);
      offset_high = tap == 0 ? o[2] : std::max(offset_high, o[2]);
    }
    for (int axis = 0; axis < 3; ++axis) reach[axis] = high[axis] - low[axis];
    // Taps far apart would make rows of mostly padding.
    shifted = width % lanes != 0 || 2 * reach[2] > width;
    std::int64_t phases = a.step[2];
    if (shifted) {
      low[2] = reach[2] = 0;
      phases = offset_high - offset_low + 1;
    }
    most = std::min(a.taps, a.step[0] * a.step[1] * phases);
    pitch = width + reach[2];
    strip_rows = rows + reach[1];
    strip = (reach[0] + 1) * strip_rows * pitch;
  }

  // Writes the strips that the taps need (at most `most`) and, per tap, the element at which it
  // reads a block's first point.
  template <class Args>
  void find(const Args& a, ConvStrip* strips, std::int64_t* at) {
    count = 0;
    for (std::int64_t tap = 0; tap < a.taps; ++tap) {
      const std::int64_t* const o = a.tap_offset + 3 * tap;
      const std::int64_t z = floor_div(o[0], a.step[0]), y = floor_div(o[1], a.step[1]);
      const std::int64_t x = shifted ? 0 : floor_div(o[2], a.step[2]);
      const ConvStrip wanted{o[0] - z * a.step[0], o[1] - y * a.step[1], o[2] - x * a.step[2]};
      std::int64_t s = 0;
      while (s < count &&
             (strips[s].z != wanted.z || strips[s].y != wanted.y || strips[s].x != wanted.x)) {
        ++s;
      }
      if (s == count) strips[count++] = wanted;
      at[tap] = s * strip + ((z - low[0]) * strip_rows + y - low[1]) * pitch + x - low[2];
    }
    plane = count * strip;
  }

  static constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a >= 0 ? a / b : -((b - 1 - a) / b);
  }

  std::int64_t rows, width;    // of a block
  std::int64_t low[3] = {};    // least whole steps in the taps' offsets along z, y, x
  std::int64_t reach[3] = {};  // greatest less least
  bool shifted;                // a strip per offset in x
  std::int64_t strip_rows;     // of one plane of a strip
  std::int64_t pitch;          // elements from row to row
  std::int64_t strip;          // elements of one strip
  std::int64_t most;           // strips, at most
  std::int64_t count = 0;      // strips found
  std::int64_t plane = 0;      // elements of all strips of one channel, for one plane of points
};

}  // namespace ingrad::kernels::cpu
