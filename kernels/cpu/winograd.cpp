// SPDX-License-Identifier: Apache-2.0
// Per block of 32 tiles: the windows of all input channels are transformed, lanes being tiles;
// then, per block of output channels, 36 matrix products and the transform back.
#include "kernels/cpu/winograd.h"

#include "kernels/winograd_blocks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/winograd.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

using F = Vec<float>;
using Blocks = WinogradBlocks;

// ---- transforms: matrices of Lavin and Gray, section 4.2
// ----------------------------------------- B^T d for one column of a window.
HWY_INLINE void to_products(const F (&d)[6], F (&t)[6]) {
  const Tag<float> tag;
  const F two = hn::Set(tag, 2.0f), four = hn::Set(tag, 4.0f), five = hn::Set(tag, 5.0f);
  const F even = hn::NegMulAdd(four, d[2], d[4]), odd = hn::NegMulAdd(four, d[1], d[3]);
  const F half_even = hn::Sub(d[4], d[2]), half_odd = hn::Mul(two, hn::Sub(d[3], d[1]));
  t[0] = hn::MulAdd(four, d[0], hn::NegMulAdd(five, d[2], d[4]));
  t[1] = hn::Add(even, odd);
  t[2] = hn::Sub(even, odd);
  t[3] = hn::Add(half_even, half_odd);
  t[4] = hn::Sub(half_even, half_odd);
  t[5] = hn::MulAdd(four, d[1], hn::NegMulAdd(five, d[3], d[5]));
}

// A^T m for one column of products.
HWY_INLINE void from_products(const F (&m)[6], F (&y)[4]) {
  const Tag<float> tag;
  const F two = hn::Set(tag, 2.0f), four = hn::Set(tag, 4.0f), eight = hn::Set(tag, 8.0f);
  const F sum = hn::Add(m[1], m[2]), difference = hn::Sub(m[1], m[2]);
  const F far_sum = hn::Add(m[3], m[4]), far_difference = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(hn::Add(m[0], sum), far_sum);
  y[1] = hn::MulAdd(two, far_difference, difference);
  y[2] = hn::MulAdd(four, far_sum, sum);
  y[3] = hn::Add(hn::MulAdd(eight, far_difference, difference), m[5]);
}

// ---- tiles
// ----------------------------------------------------------------------------------------- A run
// of tiles that follow each other in one row of tiles of one image, at lane `lane` of a vector.
struct TileRun {
  std::int64_t lane, count, image, row, column;
};

// Cuts the vector of tiles from `tile` into runs; returns how many.
HWY_INLINE int cut_tiles(const Blocks& b, std::int64_t tile, TileRun* runs) {
  const std::int64_t end = std::min(tile + kLanes<float>, b.tiles);
  int n = 0;
  for (std::int64_t lane = 0; tile < end; ++n) {
    TileRun& run = runs[n];
    run.lane = lane;
    run.image = tile / (b.rows * b.columns);
    run.row = tile / b.columns % b.rows;
    run.column = tile % b.columns;
    run.count = std::min(end - tile, b.columns - run.column);
    tile += run.count;
    lane += run.count;
  }
  return n;
}

// dst[i] = row[at + i] for i < n, zero where that is outside [0, size).
HWY_INLINE void copy_padded(const float* row, std::int64_t size, std::int64_t at, std::int64_t n,
                            float* dst) {
  const Tag<float> d;
  const std::int64_t low = std::clamp<std::int64_t>(-at, 0, n);
  const std::int64_t high = std::clamp<std::int64_t>(size - at, low, n);
  for (std::int64_t i = 0; i < low; ++i) dst[i] = 0;
  std::int64_t i = low;
  for (; i + kLanes<float> <= high; i += kLanes<float>) {
    hn::StoreU(hn::LoadU(d, row + at + i), d, dst + i);
  }
  if (i < high) {
    const auto rest = static_cast<std::size_t>(high - i);
    store_head<float>(load_head(row + at + i, rest), dst + i, rest);
  }
  for (i = high; i < n; ++i) dst[i] = 0;
}

// The first kColumns columns of four, for all rows of a window.
template <int kColumns>
HWY_INLINE void transform_columns(const float* staged, F (*half)[6]) {
  const Tag<float> d;
  F window[4][6];
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    F c0, c1, c2, c3;
    hn::LoadInterleaved4(d, staged + 2 * i * 4 * kLanes<float>, c0, c1, c2, c3);
    window[0][i] = c0, window[1][i] = c1, window[2][i] = c2, window[3][i] = c3;
  }
#pragma GCC unroll 4
  for (int j = 0; j < kColumns; ++j) to_products(window[j], half[j]);
}

// Windows of one channel for a vector of tiles, transformed: product p goes to to[p * step].
HWY_INLINE void transform_windows(const WinogradArgs& a, const TileRun* runs, int count,
                                  std::int64_t channel, float* staged, float* to,
                                  std::int64_t step) {
  const Tag<float> d;
  constexpr std::int64_t kRow = 4 * kLanes<float>;
  const std::int64_t plane = a.size[0] * a.size[1];
  // Per window row: columns 0 to 3 of every tile, then 4 to 7 of every tile.
  for (int r = 0; r < count; ++r) {
    const TileRun& run = runs[r];
    const float* const image =
        static_cast<const float*>(a.src) + (run.image * a.in_channels + channel) * plane;
    const std::int64_t x = Blocks::kTile * run.column - a.pad[1];
    for (std::int64_t i = 0; i < Blocks::kWindow; ++i) {
      const std::int64_t y = Blocks::kTile * run.row - a.pad[0] + i;
      float* const first = staged + 2 * i * kRow + 4 * run.lane;
      float* const second = first + kRow;
      if (y < 0 || y >= a.size[0]) {
        std::fill_n(first, 4 * run.count, 0.0f);
        std::fill_n(second, 4 * run.count, 0.0f);
        continue;
      }
      copy_padded(image + y * a.size[1], a.size[1], x, 4 * run.count, first);
      copy_padded(image + y * a.size[1], a.size[1], x + 4, 4 * run.count, second);
    }
  }
  F half[6][6];  // [column of the window][row of products]
  transform_columns<4>(staged, half);
  transform_columns<2>(staged + kRow, half + 4);
#pragma GCC unroll 6
  for (int i = 0; i < 6; ++i) {
    const F row[6] = {half[0][i], half[1][i], half[2][i], half[3][i], half[4][i], half[5][i]};
    F t[6];
    to_products(row, t);
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) hn::StoreU(t[j], d, to + (6 * i + j) * step);
  }
}

// What follows the sums, and the store, for n consecutive outputs.
HWY_INLINE void finish(const WinogradArgs& a, const float* values, float bias, std::int64_t at,
                       std::int64_t n) {
  const Tag<float> d;
  for (std::int64_t i = 0; i < n; i += kLanes<float>) {
    const auto rest = static_cast<std::size_t>(n - i);
    F v = hn::Add(hn::LoadU(d, values + i), hn::Set(d, bias));
    if (a.residual) v = hn::Add(v, load_head(static_cast<const float*>(a.residual) + at + i, rest));
    if (a.relu) v = relu<float>(v);
    if (a.gate) v = gated<float>(v, a.gate, at + i);
    store_head<float>(v, static_cast<float*>(a.out) + at + i, rest);
  }
}

// Products of one output channel for a vector of tiles back to outputs.
HWY_INLINE void transform_back(const WinogradArgs& a, const TileRun* runs, int count,
                               std::int64_t channel, const float* from, std::int64_t step,
                               float* staged) {
  const Tag<float> d;
  F half[6][4];  // [column of products][row of outputs]
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    F column[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) column[i] = hn::LoadU(d, from + (6 * i + j) * step);
    from_products(column, half[j]);
  }
  constexpr std::int64_t kRow = 4 * kLanes<float>;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const F row[6] = {half[0][i], half[1][i], half[2][i], half[3][i], half[4][i], half[5][i]};
    F y[4];
    from_products(row, y);
    hn::StoreInterleaved4(y[0], y[1], y[2], y[3], d, staged + i * kRow);
  }
  const float bias = a.bias ? static_cast<const float*>(a.bias)[channel] : 0.0f;
  for (int r = 0; r < count; ++r) {
    const TileRun& run = runs[r];
    const std::int64_t y = Blocks::kTile * run.row, x = Blocks::kTile * run.column;
    const std::int64_t rows = std::min(Blocks::kTile, a.grid[0] - y);
    const std::int64_t n = std::min(Blocks::kTile * run.count, a.grid[1] - x);
    std::int64_t at = ((run.image * a.out_channels + channel) * a.grid[0] + y) * a.grid[1] + x;
    for (std::int64_t i = 0; i < rows; ++i, at += a.grid[1]) {
      finish(a, staged + i * kRow + 4 * run.lane, bias, at, n);
    }
  }
}

// ---- the whole
// --------------------------------------------------------------------------------------- Vectors
// of tiles that a block has, and values per input channel of a block's packed weights.
constexpr std::int64_t kTileVectorsOfBlock = Blocks::kTiles / kLanes<float>;
constexpr std::int64_t kPacked = Blocks::kChannels / kTileRows * kTileStride;
static_assert(Blocks::kChannels % kTileRows == 0 && kPacked <= Blocks::kPackedChannels);

HWY_INLINE void products_of_block(const WinogradArgs& a, std::int64_t channel_block,
                                  std::int64_t tiles, const float* windows, float* products) {
  const std::int64_t channels =
      std::min(Blocks::kChannels, a.out_channels - channel_block * Blocks::kChannels);
  const Depth depth(a.in_channels);
  const float* weights = static_cast<const float*>(a.weights) +
                         channel_block * Blocks::kPoints * kPacked * a.in_channels;
  TileJob<float> job;
  job.b_step = Blocks::kTiles;
  job.c_step = Blocks::kTiles;
  for (std::int64_t p = 0; p < Blocks::kPoints; ++p) {
    for (std::int64_t i = 0; i < Blocks::kChannels; i += kTileRows) {
      for (std::int64_t part = 0; part < depth.parts; ++part) {
        job.k = depth.size(part);
        job.a = weights;
        weights += job.k * kTileStride;
        if (i >= channels) continue;
        job.add = part > 0;
        for (std::int64_t t = 0; t < tiles; t += kPanelWidth<float>) {
          job.b =
              windows + p * winograd_step(a.in_channels) + depth.begin(part) * Blocks::kTiles + t;
          job.c = products + p * winograd_step(Blocks::kChannels) + i * Blocks::kTiles + t;
          job.columns = static_cast<std::size_t>(std::min(kPanelWidth<float>, tiles - t));
          run_tile(job, std::min<std::int64_t>(kTileRows, channels - i));
        }
      }
    }
  }
}

void run_winograd_f32(const WinogradArgs& a, Range r) {
  const Blocks blocks(a);
  auto* const windows = static_cast<float*>(r.scratch);
  float* const products = windows + Blocks::kPoints * winograd_step(a.in_channels);
  float* const staged = products + Blocks::kPoints * winograd_step(Blocks::kChannels);
  std::fill_n(staged, 2 * Blocks::kWindow * 4 * kLanes<float>, 0.0f);  // lanes without a tile
  TileRun runs[kTileVectorsOfBlock][kLanes<float>];
  int counts[kTileVectorsOfBlock] = {};
  std::int64_t current = -1, vectors = 0;
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t block = u / blocks.channel_blocks;
    const std::int64_t channel_block = u % blocks.channel_blocks;
    const std::int64_t first = block * Blocks::kTiles;
    if (block != current) {
      current = block;
      vectors = ceil_div(std::min(Blocks::kTiles, blocks.tiles - first), kLanes<float>);
      for (std::int64_t v = 0; v < vectors; ++v) {
        counts[v] = cut_tiles(blocks, first + v * kLanes<float>, runs[v]);
        for (std::int64_t c = 0; c < a.in_channels; ++c) {
          transform_windows(a, runs[v], counts[v], c, staged,
                            windows + c * Blocks::kTiles + v * kLanes<float>,
                            winograd_step(a.in_channels));
        }
      }
    }
    products_of_block(a, channel_block, vectors * kLanes<float>, windows, products);
    const std::int64_t begin = channel_block * Blocks::kChannels;
    const std::int64_t end = std::min(begin + Blocks::kChannels, a.out_channels);
    for (std::int64_t m = begin; m < end; ++m) {
      for (std::int64_t v = 0; v < vectors; ++v) {
        transform_back(a, runs[v], counts[v], m,
                       products + (m - begin) * Blocks::kTiles + v * kLanes<float>,
                       winograd_step(Blocks::kChannels), staged);
      }
    }
  }
}

// G g G^T of every pair of channels, packed as the register tile reads it: block of output
// channels, product, tile of output channels, input channel.
// In double, a register tile of output channels in the lanes.
void run_winograd_weights(const WinogradWeightsArgs& w, Range r) {
  constexpr double kG[6][3] = {{1. / 4, 0, 0},
                               {-1. / 6, -1. / 6, -1. / 6},
                               {-1. / 6, 1. / 6, -1. / 6},
                               {1. / 24, 1. / 12, 1. / 6},
                               {1. / 24, -1. / 12, 1. / 6},
                               {0, 0, 1}};
  const Tag<double> d;
  const hn::Rebind<float, decltype(d)> narrow;
  constexpr std::int64_t kStep = kLanes<double>;
  const auto* const weights = static_cast<const float*>(w.weights);
  const std::int64_t per_point = w.in_channels * kPacked;
  HWY_ALIGN double taps[9][16] = {};
  for (std::int64_t first = r.begin * Blocks::kChannels; first < r.end * Blocks::kChannels;
       first += kTileRows) {
    const std::int64_t in_block = first % Blocks::kChannels;
    float* const tile = static_cast<float*>(w.packed) +
                        first / Blocks::kChannels * Blocks::kPoints * per_point +
                        in_block / kTileRows * kTileStride * w.in_channels;
    for (std::int64_t c = 0; c < w.in_channels; ++c) {
      for (std::int64_t i = 0; i < kTileRows; ++i) {
        const bool exists = first + i < w.out_channels;
        const float* const from = weights + (first + i) * w.out_step + c * w.in_step;
        for (int t = 0; t < 9; ++t) {
          taps[t][i] = exists ? static_cast<double>(from[w.mirrored ? 8 - t : t]) : 0.0;
        }
      }
      for (std::int64_t lane = 0; lane < kTileRows; lane += kStep) {
        Vec<double> half[6][3];
        for (int p = 0; p < 6; ++p) {
          for (int j = 0; j < 3; ++j) {
            half[p][j] = hn::Mul(hn::Set(d, kG[p][0]), hn::Load(d, taps[j] + lane));
            for (int i = 1; i < 3; ++i) {
              half[p][j] =
                  hn::MulAdd(hn::Set(d, kG[p][i]), hn::Load(d, taps[3 * i + j] + lane), half[p][j]);
            }
          }
        }
        float* const to = tile + c * kTileStride + lane;
        const auto count = static_cast<std::size_t>(std::min(kStep, kTileRows - lane));
        for (int p = 0; p < 6; ++p) {
          for (int q = 0; q < 6; ++q) {
            Vec<double> v = hn::Mul(half[p][0], hn::Set(d, kG[q][0]));
            for (int j = 1; j < 3; ++j) v = hn::MulAdd(half[p][j], hn::Set(d, kG[q][j]), v);
            hn::BlendedStore(hn::DemoteTo(narrow, v), hn::FirstN(narrow, count), narrow,
                             to + (6 * p + q) * per_point);
          }
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_winograd_f32);
HWY_EXPORT(run_winograd_weights);

void winograd_f32(const WinogradArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(run_winograd_f32)(a, r); }
void winograd_weights_f32(const WinogradWeightsArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_winograd_weights)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
