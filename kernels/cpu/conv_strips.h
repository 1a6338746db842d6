// SPDX-License-Identifier: Apache-2.0
// Where the shifted copies of a source ("strips") lie in working memory.
//
// For a block of grid points of one plane, a strip holds what taps of one x-offset see of the
// block, row below row: entry (z, y, x) is the source at
//   ((Z + z) * step_z + phase_z, (Y + y) * step_y + phase_y, x * step_x + offset_x)
// with zeros outside. Taps that differ by whole steps in z and y read the same strip from another
// row. Consecutive points of the block are consecutive there, whatever the tap, so that vectors of
// points are plain loads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/gemm_blocks.h"

namespace ingrad::kernels::cpu {

struct ConvStrip {
  std::int64_t z, y, x;  // phases in z and y, offset in x
};

struct ConvStrips {
  static constexpr std::int64_t kMaxLanes = 16;

  // For blocks of at most `y_count` grid rows of `x_count` points.
  template <class Args>
  ConvStrips(const Args& a, std::int64_t y_count, std::int64_t x_count)
      : rows(y_count), width(x_count) {
    std::int64_t x_low = 0, x_high = 0;
    for (std::int64_t tap = 0; tap < a.taps; ++tap) {
      const std::int64_t* const o = a.tap_offset + 3 * tap;
      const std::int64_t z = floor_div(o[0], a.step[0]), y = floor_div(o[1], a.step[1]);
      z_low = tap == 0 ? z : std::min(z_low, z);
      y_low = tap == 0 ? y : std::min(y_low, y);
      x_low = tap == 0 ? o[2] : std::min(x_low, o[2]);
      z_high = tap == 0 ? z : std::max(z_high, z);
      y_high = tap == 0 ? y : std::max(y_high, y);
      x_high = tap == 0 ? o[2] : std::max(x_high, o[2]);
    }
    strip_rows = rows + y_high - y_low;
    strip_planes = z_high - z_low + 1;
    strip = strip_planes * strip_rows * width;
    most = std::min(a.taps, a.step[0] * a.step[1] * (x_high - x_low + 1));
  }

  // Writes the strips that the taps need (at most `most`) and, per tap, the element at which it
  // reads a block's first point.
  template <class Args>
  void find(const Args& a, ConvStrip* strips, std::int64_t* at) {
    count = 0;
    for (std::int64_t tap = 0; tap < a.taps; ++tap) {
      const std::int64_t* const o = a.tap_offset + 3 * tap;
      const std::int64_t z = floor_div(o[0], a.step[0]), y = floor_div(o[1], a.step[1]);
      const ConvStrip wanted{o[0] - z * a.step[0], o[1] - y * a.step[1], o[2]};
      std::int64_t s = 0;
      while (s < count &&
             (strips[s].z != wanted.z || strips[s].y != wanted.y || strips[s].x != wanted.x)) {
        ++s;
      }
      if (s == count) strips[count++] = wanted;
      at[tap] = s * strip + ((z - z_low) * strip_rows + y - y_low) * width;
    }
    plane = count * strip;
  }

  static constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a >= 0 ? a / b : -((b - 1 - a) / b);
  }

  std::int64_t rows, width;                                   // of a block
  std::int64_t z_low = 0, z_high = 0, y_low = 0, y_high = 0;  // whole steps in the taps' offsets
  std::int64_t strip_planes, strip_rows;
  std::int64_t strip;      // elements of one strip
  std::int64_t most;       // strips, at most
  std::int64_t count = 0;  // strips found
  std::int64_t plane = 0;  // elements of all strips of one channel, for one plane of points
};

}  // namespace ingrad::kernels::cpu
