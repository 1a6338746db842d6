// SPDX-License-Identifier: Apache-2.0
// How a convolution by Winograd's method is cut into work units, and where its intermediates lie.
#pragma once

#include "kernels/gemm_blocks.h"
#include "kernels/winograd.h"

namespace ingrad::kernels {

// Units in the order (block of tiles, block of output channels); tiles are counted over the batch,
// rows and columns of tiles.
struct WinogradBlocks {
  static constexpr std::int64_t kTile = 4;       // outputs along an axis
  static constexpr std::int64_t kWindow = 6;     // inputs along an axis
  static constexpr std::int64_t kPoints = 36;    // products per tile and pair of channels
  static constexpr std::int64_t kTiles = 32;     // of a block: a panel of every instruction set
  static constexpr std::int64_t kChannels = 48;  // of a block: a multiple of every register tile
  // Values per input channel in the packed weights of a block, padding of the tiles included, at
  // most.
  static constexpr std::int64_t kPackedChannels = 64;

  explicit WinogradBlocks(const WinogradArgs& a)
      : rows(ceil_div(a.grid[0], kTile)),
        columns(ceil_div(a.grid[1], kTile)),
        tiles(a.batch * rows * columns),
        tile_blocks(ceil_div(tiles, kTiles)),
        channel_blocks(ceil_div(a.out_channels, kChannels)) {}

  std::int64_t rows, columns;  // of tiles, per image
  std::int64_t tiles, tile_blocks, channel_blocks;
};

// Elements from one of the 36 matrices to the next. Without the odd cache line they would all begin
// in the same set of the first-level cache.
constexpr std::int64_t winograd_step(std::int64_t channels) {
  return channels * WinogradBlocks::kTiles + 16;
}
inline std::int64_t winograd_scratch_bytes(const WinogradArgs& a) {
  return 4 * (WinogradBlocks::kPoints *
                  (winograd_step(a.in_channels) + winograd_step(WinogradBlocks::kChannels)) +
              16 * 4 * WinogradBlocks::kWindow * 2 + 64);
}

}  // namespace ingrad::kernels
