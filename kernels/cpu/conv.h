// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/conv_blocks.h"

namespace ingrad::kernels::cpu {

void conv_f32(const ConvArgs& a, Range r);
void conv_f64(const ConvArgs& a, Range r);
std::int64_t conv_scratch_bytes(const ConvArgs& a);

// Called by the above, one per ConvMethod.
void conv_direct_f32(const ConvArgs& a, Range r);
void conv_direct_f64(const ConvArgs& a, Range r);
std::int64_t conv_direct_scratch_bytes(const ConvArgs& a);
void conv_strips_f32(const ConvArgs& a, Range r);
void conv_strips_f64(const ConvArgs& a, Range r);
std::int64_t conv_strips_scratch_bytes(const ConvArgs& a);
// Weights by register tiles, for any instruction set's: [group][tile][k][rows of the tile].
void pack_strips_f32(const ConvArgs& a, void* packed);
void pack_strips_f64(const ConvArgs& a, void* packed);
inline std::int64_t packed_strip_weights(const ConvArgs& a) {
  return a.groups * round_up(a.out_channels, ConvBlocks::kRows) * a.in_channels * a.taps;
}
void conv_gather_f32(const ConvArgs& a, Range r);
void conv_gather_f64(const ConvArgs& a, Range r);
std::int64_t conv_gather_scratch_bytes(const ConvArgs& a);

// Elements of all packed weights of one group, whatever the instruction set's tile.
inline std::int64_t packed_weights(const ConvArgs& a) {
  constexpr std::int64_t kWidestTile = 12, kFewestRows = 6;
  return a.in_channels * a.taps * (ceil_div(a.out_channels, kFewestRows) + 1) * kWidestTile;
}
// The direct method copies the source rows of a block, padded: [channel][z][y][phase][x].
struct ConvStaging {
  // Room behind each row for loads that begin at its last point, for any instruction set.
  static constexpr std::int64_t kMaxLanes = 16;

  explicit ConvStaging(const ConvArgs& a) {
    const ConvBlocks blocks(a);
    for (std::size_t axis = 0; axis < 3 && a.taps > 0; ++axis) {
      low[axis] = high[axis] = a.tap_offset[axis];
      for (std::int64_t tap = 1; tap < a.taps; ++tap) {
        const std::int64_t v = a.tap_offset[3 * tap + static_cast<std::int64_t>(axis)];
        low[axis] = std::min(low[axis], v);
        high[axis] = std::max(high[axis], v);
      }
    }
    const std::int64_t rows = blocks.pixels / std::max<std::int64_t>(a.grid[2], 1);
    phases = a.step[2];
    z = high[0] - low[0] + 1;
    y = (rows - 1) * a.step[1] + high[1] - low[1] + 1;
    x = round_up(a.grid[2], kMaxLanes) + (high[2] - low[2]) / phases + 1;
    row = x * phases;
    channel = z * y * row;
  }
  std::int64_t elements(const ConvArgs& a) const {
    return round_up(a.in_channels * channel, 64) + round_up(4 * a.in_channels * a.taps, 64);
  }

  std::array<std::int64_t, 3> low{}, high{};
  std::int64_t phases, z, y, x, row, channel;
};

void conv_weight_grad_f32(const ConvWeightGradArgs& a, Range r);
void conv_weight_grad_f64(const ConvWeightGradArgs& a, Range r);
std::int64_t conv_weight_grad_scratch_bytes(const ConvWeightGradArgs& a);

// Called by the above for ConvWeightGradBlocks::strips, and otherwise.
void weight_strips_f32(const ConvWeightGradArgs& a, Range r);
void weight_strips_f64(const ConvWeightGradArgs& a, Range r);
std::int64_t weight_strips_scratch_bytes(const ConvWeightGradArgs& a);
void weight_gather_f32(const ConvWeightGradArgs& a, Range r);
void weight_gather_f64(const ConvWeightGradArgs& a, Range r);
std::int64_t weight_gather_scratch_bytes(const ConvWeightGradArgs& a);

}  // namespace ingrad::kernels::cpu
