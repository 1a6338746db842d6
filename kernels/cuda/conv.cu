// SPDX-License-Identifier: Apache-2.0
// Convolution as a matrix product whose one operand is gathered from the image as it is needed
// (implicit GEMM): for the forward pass and data gradients out = w x patches, for the weight
// gradient w = out x patches, transposed, with the pixels of the batch cut into parts whose sums
// are added in order.
#include "kernels/conv.h"

#include "kernels/cuda/conv_few.h"
#include "kernels/cuda/conv_pixels.cuh"
#include "kernels/cuda/install.h"
#include "kernels/cuda/tile_gemm.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

// Blocks: (group, tile of channels, tile of pixels), channels fastest.
template <class T, class Tile>
__global__ void __launch_bounds__(kBlock)
    conv_tiles(ConvArgs c, std::int64_t tiles_down, std::int64_t tiles_across) {
  INGRAD_SHARED(T, strips, 4 * Tile::kStrip);
  const std::int64_t number = blockIdx.x;
  const std::int64_t row = number % tiles_down * Tile::kSide;
  const std::int64_t column = number / tiles_down % tiles_across * Tile::kSide;
  const std::int64_t group = number / tiles_down / tiles_across;
  const std::int64_t pixels = c.batch * points(c);
  const T* const w = static_cast<const T*>(c.w) + group * c.w_group;
  const T* const src = static_cast<const T*>(c.src) + group * c.in_channels * c.src_channel;
  // A thread loads the patches of one pixel only: kBlock is a multiple of the tile's side.
  static_assert(kBlock % Tile::kSide == 0);
  const std::int64_t mine = column + static_cast<int>(threadIdx.x) % Tile::kSide;
  const Pixel pixel = Pixel::of(c, mine < pixels ? mine : 0);
  const T* const image = src + pixel.image * c.src_batch;
  T sum[Tile::kSquare][Tile::kSquare] = {};
  // p counts (tap, channel), channels fastest, or (channel, tap) would leave padding in every
  // strip.
  const auto channels = static_cast<std::uint32_t>(c.in_channels);
  multiply_tile<Tile, T>(
      c.taps * c.in_channels,
      [&](int i, std::int64_t p) {
        if (row + i >= c.out_channels) return T(0);
        const std::uint32_t tap = static_cast<std::uint32_t>(p) / channels;
        const std::uint32_t channel = static_cast<std::uint32_t>(p) % channels;
        return w[(row + i) * c.w_out + channel * c.w_in + c.tap_weight[tap]];
      },
      [&](std::int64_t p, int) {
        if (mine >= pixels) return T(0);
        const std::uint32_t tap = static_cast<std::uint32_t>(p) / channels;
        const std::uint32_t channel = static_cast<std::uint32_t>(p) % channels;
        const std::int64_t at = pixel.source(c, tap);
        return at < 0 ? T(0) : image[channel * c.src_channel + at];
      },
      true, false, strips, sum);
  const int y = static_cast<int>(threadIdx.x) / 16, x = static_cast<int>(threadIdx.x) % 16;
  INGRAD_UNROLL
  for (int j = 0; j < Tile::kSquare; ++j) {
    const std::int64_t p = column + x + 16 * j;
    if (p >= pixels) continue;
    const std::int64_t base = Pixel::of(c, p).out(c);
    INGRAD_UNROLL
    for (int i = 0; i < Tile::kSquare; ++i) {
      const std::int64_t m = row + y + 16 * i;
      if (m >= c.out_channels) continue;
      const std::int64_t channel = group * c.out_channels + m, at = base + channel * c.out_channel;
      static_cast<T*>(c.out)[at] = finished(c, sum[i][j], channel, at);
    }
  }
}

template <class T, class Tile>
void launch_conv(const ConvArgs& c, std::int64_t pixels) {
  const std::int64_t down = blocks_for(c.out_channels, Tile::kSide);
  const std::int64_t across = blocks_for(pixels, Tile::kSide);
  launch(conv_tiles<T, Tile>, static_cast<unsigned>(c.groups * down * across), kBlock, 0, c, down,
         across);
}

template <class T>
void run(const ConvArgs& given, Range) {
  ConvArgs c = given;
  c.tap_offset = device_table(c.tap_offset, 3 * c.taps);
  c.tap_weight = device_table(c.tap_weight, c.taps);
  const std::int64_t pixels = c.batch * c.grid[0] * c.grid[1] * c.grid[2];
  if (pixels == 0 || c.out_channels == 0) return;
  if (has_few_outputs(c)) return conv_few<T>(c);
  constexpr std::int64_t kEnoughTiles = 128;
  using Large = GemmTile<sizeof(T) == 4 ? 8 : 4>;
  if (c.out_channels > 64 &&
      c.groups * blocks_for(c.out_channels, Large::kSide) * blocks_for(pixels, Large::kSide) >=
          kEnoughTiles) {
    launch_conv<T, Large>(c, pixels);
  } else if (c.out_channels > 32 &&
             c.groups * blocks_for(c.out_channels, 64) * blocks_for(pixels, 64) >= kEnoughTiles) {
    launch_conv<T, GemmTile<4>>(c, pixels);
  } else {
    launch_conv<T, GemmTile<2>>(c, pixels);
  }
}

// Blocks: (group, part of the pixels, tile of out channels, tile of (channel, tap)). Part sums go
// to partial[part][group][row][column], rows x columns of a group dense.
template <class T, class Tile>
__global__ void __launch_bounds__(kBlock)
    conv_weight_grad_tiles(ConvWeightGradArgs c, std::int64_t tiles_down, std::int64_t tiles_across,
                           std::int64_t parts, std::int64_t part_pixels, T* partial) {
  INGRAD_SHARED(T, strips, 4 * Tile::kStrip);
  std::int64_t number = blockIdx.x;
  const std::int64_t row = number % tiles_down * Tile::kSide;
  number /= tiles_down;
  const std::int64_t column = number % tiles_across * Tile::kSide;
  number /= tiles_across;
  const std::int64_t part = number % parts, group = number / parts;
  const std::int64_t pixels = c.batch * points(c), first = part * part_pixels;
  const std::int64_t columns = c.in_channels * c.taps;
  const T* const src = static_cast<const T*>(c.src) + group * c.in_channels * c.src_channel;
  const T* const out = static_cast<const T*>(c.out) + group * c.out_channels * c.out_channel;
  T sum[Tile::kSquare][Tile::kSquare] = {};
  multiply_tile<Tile, T>(
      pixels - first < part_pixels ? pixels - first : part_pixels,
      [&](int i, std::int64_t p) {
        if (row + i >= c.out_channels) return T(0);
        return out[Pixel::of(c, first + p).out(c) + (row + i) * c.out_channel];
      },
      [&](std::int64_t p, int j) {
        if (column + j >= columns) return T(0);
        const std::int64_t channel = (column + j) / c.taps, tap = (column + j) % c.taps;
        const Pixel pixel = Pixel::of(c, first + p);
        const std::int64_t at = pixel.source(c, tap);
        return at < 0 ? T(0) : src[pixel.image * c.src_batch + channel * c.src_channel + at];
      },
      true, true, strips, sum);
  const int y = static_cast<int>(threadIdx.x) / 16, x = static_cast<int>(threadIdx.x) % 16;
  T* const to = partial + (part * c.groups + group) * c.out_channels * columns;
  INGRAD_UNROLL
  for (int i = 0; i < Tile::kSquare; ++i) {
    INGRAD_UNROLL
    for (int j = 0; j < Tile::kSquare; ++j) {
      const std::int64_t r = row + y + 16 * i, n = column + x + 16 * j;
      if (r < c.out_channels && n < columns) to[r * columns + n] = sum[i][j];
    }
  }
}

template <class T>
void run_weight_grad(const ConvWeightGradArgs& given, Range) {
  using Tile = GemmTile<4>;
  ConvWeightGradArgs c = given;
  c.tap_offset = device_table(c.tap_offset, 3 * c.taps);
  c.tap_weight = device_table(c.tap_weight, c.taps);
  const std::int64_t pixels = c.batch * c.grid[0] * c.grid[1] * c.grid[2];
  const std::int64_t columns = c.in_channels * c.taps;
  const std::int64_t weights = c.groups * c.out_channels * columns;
  if (weights == 0) return;
  // The cut depends on the pixels alone, so that sums do not depend on the device.
  constexpr std::int64_t kLeastPart = 1024, kMostParts = 64;
  const std::int64_t parts = std::clamp<std::int64_t>(pixels / kLeastPart, 1, kMostParts);
  const std::int64_t part_pixels = (pixels + parts - 1) / parts;
  T* const partial =
      static_cast<T*>(device_scratch(parts * weights * static_cast<std::int64_t>(sizeof(T))));
  const std::int64_t down = blocks_for(c.out_channels, Tile::kSide);
  const std::int64_t across = blocks_for(columns, Tile::kSide);
  launch(conv_weight_grad_tiles<T, Tile>, static_cast<unsigned>(c.groups * parts * down * across),
         kBlock, 0, c, down, across, parts, part_pixels, partial);
  launch_each(
      weights, INGRAD_LAMBDA(std::int64_t i) {
        T sum = T(0);
        for (std::int64_t part = 0; part < parts; ++part) sum += partial[part * weights + i];
        const std::int64_t column = i % columns, row = i / columns;
        const std::int64_t m = row % c.out_channels, group = row / c.out_channels;
        static_cast<T*>(c.w)[group * c.w_group + m * c.w_out + column / c.taps * c.w_in +
                             c.tap_weight[column % c.taps]] = sum;
      });
}

}  // namespace

void install_conv() {
  install_floats(conv, run<float>, run<double>);
  install_floats(conv_weight_grad, run_weight_grad<float>, run_weight_grad<double>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
