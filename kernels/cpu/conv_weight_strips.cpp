// SPDX-License-Identifier: Apache-2.0
// Weight gradient with pixels in the lanes: both operands are read as they lie, the gradient of the
// output in memory and the source in strips, and the lanes are summed once at the end.
#include "kernels/cpu/conv.h"
#include "kernels/cpu/conv_strips.h"

#ifndef INGRAD_KERNELS_CPU_CONV_WEIGHT_STRIPS_ONCE
#define INGRAD_KERNELS_CPU_CONV_WEIGHT_STRIPS_ONCE
namespace ingrad::kernels::cpu {
namespace {

// Most vectors of points of a piece, on any instruction set.
constexpr std::int64_t kMostVectors = ConvWeightGradBlocks::kStripPixels;
// More than any tile's columns.
constexpr std::int64_t kColumnPadding = 16;

// Strips and taps; per vector of points two offsets and a number; a pointer per column.
std::int64_t weight_tables_bytes(const ConvWeightGradArgs& a) {
  return round_up(a.taps * static_cast<std::int64_t>(sizeof(ConvStrip) + 8) +
                      8 * (3 * kMostVectors + ConvWeightGradBlocks::kStripColumns + kColumnPadding),
                  64);
}
// Sums by lane of one block; the last ones are read a vector of columns at a time.
std::int64_t weight_sums(const ConvWeightGradBlocks& b) {
  return (b.rows * b.merged * (b.columns + kColumnPadding) + kColumnPadding) *
         ConvStrips::kMaxLanes;
}

}  // namespace
}  // namespace ingrad::kernels::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_weight_strips.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/conv_strips-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// Output channels by columns (channel, tap) of one register tile.
inline constexpr int kTileChannels = kManyRegisters ? 4 : 3;
inline constexpr int kTileColumns = kManyRegisters ? 6 : 3;

// What a tile sums over: for each vector of points, its offset in the gradient of the output and in
// the strips. Vectors behind `full` have `count[v - full]` points.
struct PointList {
  std::int64_t full = 0, all = 0;
  std::int64_t* offset;  // [all][2]
  std::size_t* count;
};

template <class T, int kChannels>
HWY_NOINLINE void weight_tile(const T* g, std::int64_t g_row, const T* const* x,
                              const PointList& points, bool first, T* acc, std::int64_t acc_row) {
  const Tag<T> d;
  Vec<T> sum[kChannels][kTileColumns];
#pragma GCC unroll 4
  for (int i = 0; i < kChannels; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kTileColumns; ++j) sum[i][j] = hn::Zero(d);
  }
  const std::int64_t* offset = points.offset;
  const std::int64_t* const end = offset + 2 * points.full;
  for (; offset != end; offset += 2) {
    Vec<T> row[kChannels];
#pragma GCC unroll 4
    for (int i = 0; i < kChannels; ++i) row[i] = hn::LoadU(d, g + offset[0] + i * g_row);
#pragma GCC unroll 8
    for (int j = 0; j < kTileColumns; ++j) {
      const Vec<T> v = hn::LoadU(d, x[j] + offset[1]);
#pragma GCC unroll 4
      for (int i = 0; i < kChannels; ++i) sum[i][j] = hn::MulAdd(row[i], v, sum[i][j]);
    }
  }
  // What lies behind the last point may be anything, NaN included.
  for (std::int64_t t = points.full; t < points.all; ++t) {
    const std::int64_t* const at = points.offset + 2 * t;
    const std::size_t n = points.count[t - points.full];
    Vec<T> row[kChannels];
#pragma GCC unroll 4
    for (int i = 0; i < kChannels; ++i) row[i] = load_head(g + at[0] + i * g_row, n);
#pragma GCC unroll 8
    for (int j = 0; j < kTileColumns; ++j) {
      const Vec<T> v = load_head(x[j] + at[1], n);
#pragma GCC unroll 4
      for (int i = 0; i < kChannels; ++i) sum[i][j] = hn::MulAdd(row[i], v, sum[i][j]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kChannels; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kTileColumns; ++j) {
      T* const to = acc + i * acc_row + j * kLanes<T>;
      hn::Store(first ? sum[i][j] : hn::Add(hn::Load(d, to), sum[i][j]), d, to);
    }
  }
}

// Sums of the lanes of as many vectors as there are lanes, in order.
template <class T>
HWY_INLINE Vec<T> sums_of_lanes(const T* vectors) {
  const Tag<T> d;
  Vec<T> v[kLanes<T>];
#pragma GCC unroll 16
  for (std::int64_t i = 0; i < kLanes<T>; ++i) v[i] = hn::Load(d, vectors + i * kLanes<T>);
#pragma GCC unroll 4
  for (std::int64_t n = kLanes<T> / 2; n > 0; n /= 2) {
#pragma GCC unroll 8
    for (std::int64_t i = 0; i < n; ++i) {
      v[i] = hn::Add(hn::ConcatEven(d, v[2 * i + 1], v[2 * i]),
                     hn::ConcatOdd(d, v[2 * i + 1], v[2 * i]));
    }
  }
  return v[0];
}

// Working memory of one thread.
template <class T>
struct WeightWork {
  WeightWork(const ConvWeightGradArgs& a, const ConvWeightGradBlocks& blocks, void* scratch)
      : shape(a, blocks.piece_rows, blocks.piece_width, kLanes<T>) {
    strips = static_cast<ConvStrip*>(scratch);
    taps = reinterpret_cast<std::int64_t*>(strips + a.taps);
    points.offset = taps + a.taps;
    points.count = reinterpret_cast<std::size_t*>(points.offset + 2 * kMostVectors);
    columns = reinterpret_cast<const T**>(points.count + kMostVectors);
    shape.find(a, strips, taps);
    sums = static_cast<T*>(scratch) + weight_tables_bytes(a) / sizeof(T);
    staged = sums + weight_sums(blocks);
  }
  ConvStrips shape;
  ConvStrip* strips;
  std::int64_t* taps;
  PointList points;
  const T** columns;  // where each column of the block reads
  T* sums;            // [channel][column][lane]
  T* staged;
};

// Adds (or, at first, sets) what the points of planes [plane, plane + planes), rows [y, y + rows),
// columns [x, x + width) give.
template <class T>
HWY_INLINE void add_points(const ConvWeightGradArgs& a, const ConvWeightGradBlocks::Block& block,
                           std::int64_t plane, std::int64_t planes, std::int64_t y, std::int64_t x,
                           std::int64_t rows, std::int64_t width, bool first, WeightWork<T>& work) {
  const ConvStrips& shape = work.shape;
  const std::int64_t piece = rows * width, last = piece / kLanes<T> * kLanes<T>;
  const T* const src = static_cast<const T*>(a.src) + block.group * a.in_channels * a.src_channel;
  const T* const out = static_cast<const T*>(a.out) +
                       (block.group * a.out_channels + block.row) * a.out_channel + a.out_base;
  const std::int64_t c0 = block.column / a.taps;
  const std::int64_t c1 = (block.column + block.columns - 1) / a.taps + 1;
  PointList& points = work.points;
  points.full = planes * (piece / kLanes<T>);
  points.all = points.full + (last < piece ? planes : 0);
  std::int64_t full = 0, tail = points.full;
  for (std::int64_t i = 0; i < planes; ++i) {
    const std::int64_t n = (plane + i) / a.grid[0], z = (plane + i) % a.grid[0];
    const std::int64_t in_out =
        n * a.out_batch + z * a.out_step[0] + y * a.out_step[1] + x * a.out_step[2];
    for (std::int64_t at = 0; at < piece; at += kLanes<T>) {
      const std::int64_t v = at < last ? full++ : tail++;
      points.offset[2 * v] = in_out + at;
      // Vectors run over the ends of rows only where strips have no gaps there.
      points.offset[2 * v + 1] = i * shape.plane + at / width * shape.pitch + at % width;
      if (v >= points.full) points.count[v - points.full] = static_cast<std::size_t>(piece - last);
    }
    for (std::int64_t c = c0; c < c1; ++c) {
      fill_strips(a, shape, work.strips, src + n * a.src_batch + c * a.src_channel, z, y, x, rows,
                  width, work.staged + ((c - c0) * planes + i) * shape.plane);
    }
  }
  const std::int64_t columns = round_up(block.columns, kTileColumns);
  for (std::int64_t j = 0; j < columns; ++j) {
    // Columns that do not exist repeat the last.
    const std::int64_t column = block.column + std::min(j, block.columns - 1);
    work.columns[j] =
        work.staged + (column / a.taps - c0) * planes * shape.plane + work.taps[column % a.taps];
  }
  for (std::int64_t i = 0; i < block.rows; i += kTileChannels) {
    const T* const g = out + i * a.out_channel;
    for (std::int64_t j = 0; j < columns; j += kTileColumns) {
      const T* const* const from = work.columns + j;
      T* const acc = work.sums + (i * columns + j) * kLanes<T>;
      const std::int64_t acc_row = columns * kLanes<T>;
      switch (std::min<std::int64_t>(kTileChannels, block.rows - i)) {
        case 1: weight_tile<T, 1>(g, a.out_channel, from, points, first, acc, acc_row); break;
        case 2: weight_tile<T, 2>(g, a.out_channel, from, points, first, acc, acc_row); break;
        case 3: weight_tile<T, 3>(g, a.out_channel, from, points, first, acc, acc_row); break;
        default:
          weight_tile<T, kTileChannels>(g, a.out_channel, from, points, first, acc, acc_row);
          break;
      }
    }
  }
}

template <class T>
HWY_INLINE void weight_block(const ConvWeightGradArgs& a, const ConvWeightGradBlocks& blocks,
                             const ConvWeightGradBlocks::Block& block, WeightWork<T>& work) {
  const std::int64_t columns = round_up(block.columns, kTileColumns);
  const std::int64_t all = a.batch * a.grid[0], together = blocks.piece_planes;
  const std::int64_t rows = blocks.piece_rows, width = blocks.piece_width;
  if (all * a.grid[1] * a.grid[2] == 0) {
    std::fill_n(work.sums, block.rows * columns * kLanes<T>, T(0));
  }
  for (std::int64_t plane = 0; plane < all; plane += together) {
    for (std::int64_t y = 0; y < a.grid[1]; y += rows) {
      for (std::int64_t x = 0; x < a.grid[2]; x += width) {
        add_points(a, block, plane, std::min(together, all - plane), y, x,
                   std::min(rows, a.grid[1] - y), std::min(width, a.grid[2] - x),
                   plane + y + x == 0, work);
      }
    }
  }
  T* const w = static_cast<T*>(a.w) + block.group * a.w_group + block.row * a.w_out;
  HWY_ALIGN T sums[kLanes<T>];
  for (std::int64_t m = 0; m < block.rows; ++m) {
    std::int64_t c = block.column / a.taps, tap = block.column % a.taps;
    for (std::int64_t j = 0; j < block.columns; j += kLanes<T>) {
      hn::Store(sums_of_lanes(work.sums + (m * columns + j) * kLanes<T>), Tag<T>(), sums);
      const std::int64_t n = std::min(kLanes<T>, block.columns - j);
      for (std::int64_t i = 0; i < n; ++i) {
        w[m * a.w_out + c * a.w_in + a.tap_weight[tap]] = sums[i];
        if (++tap == a.taps) tap = 0, ++c;
      }
    }
  }
}

template <class T>
HWY_INLINE void weight_strips(const ConvWeightGradArgs& a, Range r) {
  const ConvWeightGradBlocks blocks(a);
  WeightWork<T> work(a, blocks, r.scratch);
  for (std::int64_t u = r.begin; u < r.end;) {
    const ConvWeightGradBlocks::Block block = blocks.first(u, r.end);
    weight_block(a, blocks, block, work);
    u += block.units;
  }
}

void run_weight_strips_f32(const ConvWeightGradArgs& a, Range r) { weight_strips<float>(a, r); }
void run_weight_strips_f64(const ConvWeightGradArgs& a, Range r) { weight_strips<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_weight_strips_f32);
HWY_EXPORT(run_weight_strips_f64);

void weight_strips_f32(const ConvWeightGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_weight_strips_f32)(a, r);
}
void weight_strips_f64(const ConvWeightGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_weight_strips_f64)(a, r);
}

std::int64_t weight_strips_scratch_bytes(const ConvWeightGradArgs& a) {
  const ConvWeightGradBlocks blocks(a);
  // Of both kinds of strips, since which it is depends on the instruction set.
  const ConvStrips shifted(a, blocks.piece_rows, blocks.piece_width, blocks.piece_width + 1);
  const ConvStrips padded(a, blocks.piece_rows, blocks.piece_width, 1);
  const std::int64_t strips = std::max(shifted.most * shifted.strip, padded.most * padded.strip);
  const std::int64_t channels =
      std::min(a.in_channels, blocks.columns / std::max<std::int64_t>(1, a.taps) + 2);
  return weight_tables_bytes(a) +
         8 * (weight_sums(blocks) + ConvStrips::kMaxLanes +
              channels *
                  std::min(blocks.piece_planes, std::max<std::int64_t>(1, a.batch * a.grid[0])) *
                  strips);
}

}  // namespace ingrad::kernels::cpu
#endif
