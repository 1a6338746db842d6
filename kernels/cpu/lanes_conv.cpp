// SPDX-License-Identifier: Apache-2.0
// Convolution with 16 images in the lanes: register tiles of output channels by neighbouring points
// of a row, every operand a plain load. Sources with taps outside are first copied with their
// padding, so that one loop serves all points of a row; taps that see no row of the source are left
// out of the sum.
#include <algorithm>

#include "kernels/cpu/image_lanes.h"
#include "kernels/gemm_blocks.h"

#ifndef INGRAD_KERNELS_CPU_LANES_CONV_ONCE
#define INGRAD_KERNELS_CPU_LANES_CONV_ONCE
namespace ingrad::kernels::cpu {
namespace {

// What the taps of a band of grid rows see of a channel: rows and columns of points, from the
// source's (low_z, low_y, low_x) relative to the band's first point.
struct LanesWindow {
  explicit LanesWindow(const ConvArgs& a) {
    const std::array<std::int64_t, 3> extent = {1, LanesConvBlocks(a).rows, a.grid[2]};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      for (std::int64_t tap = 0; tap < a.taps; ++tap) {
        const std::int64_t offset = a.tap_offset[3 * tap + static_cast<std::int64_t>(axis)];
        low[axis] = tap == 0 ? offset : std::min(low[axis], offset);
        high[axis] = tap == 0 ? offset : std::max(high[axis], offset);
      }
      size[axis] =
          std::max<std::int64_t>(extent[axis] - 1, 0) * a.step[axis] + high[axis] - low[axis] + 1;
      inside =
          inside && low[axis] >= 0 && (a.grid[axis] - 1) * a.step[axis] + high[axis] < a.size[axis];
    }
  }
  // How far the taps of grid row (z, y) reach out of the source: equal for rows that see the same
  // taps.
  std::array<std::int64_t, 4> overhang(const ConvArgs& a, std::int64_t z, std::int64_t y) const {
    const auto below = [&](std::int64_t at, std::size_t axis) {
      return std::max<std::int64_t>(0, -(at * a.step[axis] + low[axis]));
    };
    const auto above = [&](std::int64_t at, std::size_t axis) {
      return std::max<std::int64_t>(0, at * a.step[axis] + high[axis] - a.size[axis] + 1);
    };
    return {below(z, 0), above(z, 0), below(y, 1), above(y, 1)};
  }
  std::int64_t points() const { return size[0] * size[1] * size[2]; }

  std::array<std::int64_t, 3> low{}, high{}, size{};
  bool inside = true;  // no tap leaves the source: nothing needs to be copied
};

// A pair of offsets per step of the sum, and where each part of it ends.
std::int64_t steps_words(const ConvArgs& a) { return 2 * a.in_channels * a.taps; }
std::int64_t tables_bytes(const ConvArgs& a) {
  return round_up(8 * (steps_words(a) + Depth(a.in_channels * a.taps).parts), 64);
}

}  // namespace
}  // namespace ingrad::kernels::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/lanes_conv.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

using D = Tag<float>;
using V = Vec<float>;
constexpr std::int64_t kVector = hn::MaxLanes(D());

// Most output channels of a tile, and most points for 1, 2, ... of them.
constexpr int kMostChannels = 8;
constexpr int kMostPoints[kMostChannels] = {kManyRegisters ? 12 : 8, kManyRegisters ? 10 : 4,
                                            kManyRegisters ? 7 : 3,  kManyRegisters ? 6 : 2,
                                            kManyRegisters ? 4 : 2,  kManyRegisters ? 4 : 2,
                                            kManyRegisters ? 3 : 1,  kManyRegisters ? 3 : 1};

// Step p of the sum reads the weights at w + steps[2 p] and points at src + steps[2 p + 1]. Parts
// of the sum end before steps[ends[i]].
struct LanesTile {
  std::int64_t parts = 0;
  const std::int64_t* steps = nullptr;
  const std::int64_t* ends = nullptr;
  const float* w = nullptr;
  std::int64_t w_out = 0;
  const float* src = nullptr;
  float* out = nullptr;
  std::int64_t out_channel = 0, out_step = 0;  // elements
  const float* bias = nullptr;
  bool relu = false;
  const float* residual = nullptr;  // laid out as out
  const std::uint8_t* gate = nullptr;
  std::int64_t gate_at = 0;  // the bit for the first element of out
};

template <int kChannels, int kPoints>
HWY_NOINLINE void lanes_tile(const LanesTile& t) {
  const D d;
  for (std::int64_t lane = 0; lane < kImageLanes; lane += kVector) {
    V sum[kChannels][kPoints], total[kChannels][kPoints];
    const std::int64_t* steps = t.steps;
    for (std::int64_t part = 0; part < t.parts; ++part) {
#pragma GCC unroll 16
      for (int m = 0; m < kChannels; ++m) {
#pragma GCC unroll 16
        for (int j = 0; j < kPoints; ++j) sum[m][j] = hn::Zero(d);
      }
      const std::int64_t* const end = t.steps + t.ends[part];
      const float* const src = t.src + lane;
      const std::int64_t w_out = t.w_out;
      for (; steps != end; steps += 2) {
        const float* const x = src + steps[1];
        V points[kPoints];
#pragma GCC unroll 16
        for (int j = 0; j < kPoints; ++j) points[j] = hn::LoadU(d, x + j * kImageLanes);
        const float* HWY_RESTRICT w = t.w + steps[0];
#pragma GCC unroll 16
        for (int m = 0; m < kChannels; ++m) {
          if (m > 0 && m % 3 == 0) w += 3 * w_out;
          const V weight = hn::Set(d, w[m % 3 * w_out]);
#pragma GCC unroll 16
          for (int j = 0; j < kPoints; ++j) {
            sum[m][j] = hn::MulAdd(weight, points[j], sum[m][j]);
          }
        }
      }
      if (t.parts == 1) break;
#pragma GCC unroll 16
      for (int m = 0; m < kChannels; ++m) {
#pragma GCC unroll 16
        for (int j = 0; j < kPoints; ++j) {
          if (part > 0) sum[m][j] = hn::Add(total[m][j], sum[m][j]);
          total[m][j] = sum[m][j];
        }
      }
    }
#pragma GCC unroll 16
    for (int m = 0; m < kChannels; ++m) {
#pragma GCC unroll 16
      for (int j = 0; j < kPoints; ++j) {
        const std::int64_t at = m * t.out_channel + j * t.out_step + lane;
        V v = sum[m][j];
        if (t.bias) v = hn::Add(v, hn::Set(d, t.bias[m]));
        if (t.residual) v = hn::Add(v, hn::LoadU(d, t.residual + at));
        if (t.relu) v = relu<float>(v);
        if (t.gate) v = gated<float>(v, t.gate, t.gate_at + at);
        hn::StoreU(v, d, t.out + at);
      }
    }
  }
}

using LanesTileFn = void (*)(const LanesTile&);

template <int kChannels, int... kIndex>
constexpr std::array<LanesTileFn, 12> tiles_of(std::integer_sequence<int, kIndex...>) {
  return {lanes_tile<kChannels, kIndex + 1>...};
}
template <int... kIndex>
constexpr std::array<std::array<LanesTileFn, 12>, kMostChannels> all_tiles(
    std::integer_sequence<int, kIndex...>) {
  return {tiles_of<kIndex + 1>(std::make_integer_sequence<int, kMostPoints[kIndex]>())...};
}

// Copies the rows that the window holds of one channel of one group of images, zeros beside them.
// Rows outside are left as they are: no tap reads them.
HWY_INLINE void fill_window(const ConvArgs& a, const LanesWindow& w, const float* channel,
                            std::int64_t z, std::int64_t y, float* to) {
  const D d;
  const std::int64_t x = w.low[2];
  const std::int64_t low = std::clamp<std::int64_t>(-x, 0, w.size[2]);
  const std::int64_t high = std::clamp<std::int64_t>(a.size[2] - x, low, w.size[2]);
  for (std::int64_t i = 0; i < w.size[0]; ++i) {
    for (std::int64_t j = 0; j < w.size[1]; ++j, to += w.size[2] * kImageLanes) {
      const std::int64_t from_z = z + i, from_y = y + j;
      if (from_z < 0 || from_z >= a.size[0] || from_y < 0 || from_y >= a.size[1]) continue;
      const float* const from =
          channel + ((from_z * a.size[1] + from_y) * a.size[2] + x) * kImageLanes;
      std::int64_t e = 0;
      for (; e < low * kImageLanes; e += kVector) hn::StoreU(hn::Zero(d), d, to + e);
      for (; e < high * kImageLanes; e += kVector) hn::StoreU(hn::LoadU(d, from + e), d, to + e);
      for (; e < w.size[2] * kImageLanes; e += kVector) hn::StoreU(hn::Zero(d), d, to + e);
    }
  }
}

// What the tiles read, in points: the source itself, or the copy of a band.
struct LanesSource {
  LanesSource(const ConvArgs& a, const LanesWindow& w)
      : row(w.inside ? a.size[2] : w.size[2]),
        plane(row * (w.inside ? a.size[1] : w.size[1])),
        channel(w.inside ? a.src_channel : w.points()) {}
  std::int64_t row, plane, channel;
};

// Does what a tap at `offset` sees of grid position `at` along an axis exist in the source?
HWY_INLINE bool exists(const ConvArgs& a, std::size_t axis, std::int64_t at, std::int64_t offset) {
  const std::int64_t i = at * a.step[axis] + offset;
  return i >= 0 && i < a.size[axis];
}

// The steps of the sum for grid row (z, y), without taps that see no row of the source.
HWY_INLINE void find_steps(const ConvArgs& a, const LanesWindow& w, const LanesSource& source,
                           std::int64_t z, std::int64_t y, std::int64_t* steps,
                           std::int64_t* ends) {
  const std::int64_t origin =
      w.inside ? 0 : (w.low[0] * source.plane + w.low[1] * source.row + w.low[2]);
  const Depth depth(a.in_channels * a.taps);
  std::int64_t made = 0, part = 0;
  for (std::int64_t c = 0, p = 0; c < a.in_channels; ++c) {
    for (std::int64_t tap = 0; tap < a.taps; ++tap, ++p) {
      if (p == depth.begin(part + 1)) ends[part++] = made;
      const std::int64_t* const o = a.tap_offset + 3 * tap;
      if (!w.inside && !(exists(a, 0, z, o[0]) && exists(a, 1, y, o[1]))) continue;
      steps[made++] = c * a.w_in + a.tap_weight[tap];
      steps[made++] =
          (c * source.channel + o[0] * source.plane + o[1] * source.row + o[2] - origin) *
          kImageLanes;
    }
  }
  while (part < depth.parts) ends[part++] = made;
}

// All tiles of grid row (z, y) of image group n and channel group `group`; `line` is what the taps
// of its first point are relative to.
HWY_INLINE void lanes_row(const ConvArgs& a, std::int64_t n, std::int64_t group, std::int64_t z,
                          std::int64_t y, const float* line, LanesTile t) {
  static constexpr auto kTiles = all_tiles(std::make_integer_sequence<int, kMostChannels>());
  const std::int64_t channels = even_part(a.out_channels, kMostChannels, 1);
  for (std::int64_t m = 0; m < a.out_channels; m += channels) {
    const std::int64_t count = std::min(channels, a.out_channels - m);
    const std::int64_t most = a.step[2] == 1 ? kMostPoints[count - 1] : 1;
    const std::int64_t wide = even_part(a.grid[2], most, 1);
    t.w = static_cast<const float*>(a.w) + group * a.w_group + m * a.w_out;
    t.bias = a.bias ? static_cast<const float*>(a.bias) + group * a.out_channels + m : nullptr;
    for (std::int64_t x = 0; x < a.grid[2]; x += wide) {
      const std::int64_t at =
          (n * a.out_batch + (group * a.out_channels + m) * a.out_channel + a.out_base +
           z * a.out_step[0] + y * a.out_step[1] + x * a.out_step[2]) *
          kImageLanes;
      t.src = line + x * a.step[2] * kImageLanes;
      t.out = static_cast<float*>(a.out) + at;
      t.residual = a.residual ? static_cast<const float*>(a.residual) + at : nullptr;
      t.gate_at = at;
      const auto points = static_cast<std::size_t>(std::min(wide, a.grid[2] - x));
      kTiles[static_cast<std::size_t>(count - 1)][points - 1](t);
    }
  }
}

void run_lanes_conv(const ConvArgs& a, Range r) {
  const LanesConvBlocks blocks(a);
  const LanesWindow window(a);
  const LanesSource source(a, window);
  auto* const steps = static_cast<std::int64_t*>(r.scratch);
  std::int64_t* const ends = steps + steps_words(a);
  float* const copy =
      reinterpret_cast<float*>(static_cast<std::byte*>(r.scratch) + tables_bytes(a));
  LanesTile t;
  t.parts = Depth(a.in_channels * a.taps).parts;
  t.steps = steps;
  t.ends = ends;
  t.w_out = a.w_out;
  t.out_channel = a.out_channel * kImageLanes;
  t.out_step = a.out_step[2] * kImageLanes;
  t.relu = a.activation == Activation::relu;
  t.gate = a.gate;
  std::array<std::int64_t, 4> overhang = {-1};  // of the row for which steps were found
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t band = u % blocks.bands, z = u / blocks.bands % a.grid[0];
    const std::int64_t group = u / blocks.bands / a.grid[0] % a.groups;
    const std::int64_t n = u / blocks.bands / a.grid[0] / a.groups;
    const float* const src =
        static_cast<const float*>(a.src) +
        (n * a.src_batch + group * a.in_channels * a.src_channel) * kImageLanes;
    const std::int64_t first = band * blocks.rows;
    const std::int64_t last = std::min(first + blocks.rows, a.grid[1]);
    for (std::int64_t c = 0; c < a.in_channels && !window.inside; ++c) {
      fill_window(a, window, src + c * a.src_channel * kImageLanes, z * a.step[0] + window.low[0],
                  first * a.step[1] + window.low[1], copy + c * source.channel * kImageLanes);
    }
    for (std::int64_t y = first; y < last; ++y) {
      const float* line = copy + (y - first) * a.step[1] * source.row * kImageLanes;
      if (window.inside) {
        line = src + (z * a.step[0] * source.plane + y * a.step[1] * source.row) * kImageLanes;
      }
      if (const auto now = window.overhang(a, z, y); now != overhang) {
        find_steps(a, window, source, z, y, steps, ends);
        overhang = now;
      }
      lanes_row(a, n, group, z, y, line, t);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_lanes_conv);

void lanes_conv_f32(const ConvArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(run_lanes_conv)(a, r); }

std::int64_t lanes_conv_scratch_bytes(const ConvArgs& a) {
  const LanesWindow window(a);
  const std::int64_t copied = window.inside ? 0 : a.in_channels * window.points();
  return tables_bytes(a) + 4 * kImageLanes * copied;
}

}  // namespace ingrad::kernels::cpu
#endif
