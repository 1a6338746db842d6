// SPDX-License-Identifier: Apache-2.0
// Convolution to few output channels per group (depthwise, and the data gradient of a first layer):
// vectors run along rows of the grid, and every source value that is loaded serves all output
// channels. The source rows that a block needs are first copied with their padding, and split by
// the phase of the step so that every load is contiguous.
#include "kernels/cpu/conv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_direct.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// Vectors of pixels that are computed together for one to four output channels.
inline constexpr std::array<int, 4> kTogether =
    kManyRegisters ? std::array<int, 4>{8, 6, 6, 5} : std::array<int, 4>{8, 4, 3, 2};

template <class T>
HWY_INLINE void stage_row(const ConvStaging& s, const T* src, std::int64_t size, T* dst) {
  // dst[phase][i] holds source position low + i * phases + phase.
  if (s.phases == 1) {
    const std::int64_t begin = std::clamp<std::int64_t>(-s.low[2], 0, s.x);
    const std::int64_t end = std::clamp<std::int64_t>(size - s.low[2], begin, s.x);
    copy_between(src + s.low[2], begin, end, s.x, dst);
    return;
  }
  for (std::int64_t phase = 0; phase < s.phases; ++phase, dst += s.x) {
    const std::int64_t first = s.low[2] + phase;
    const std::int64_t begin =
        std::clamp<std::int64_t>(first >= 0 ? 0 : ceil_div(-first, s.phases), 0, s.x);
    const std::int64_t end =
        size > first ? std::clamp<std::int64_t>(ceil_div(size - first, s.phases), begin, s.x)
                     : begin;
    std::fill_n(dst, begin, T(0));
    for (std::int64_t i = begin; i < end; ++i) dst[i] = src[first + i * s.phases];
    std::fill_n(dst + end, s.x - end, T(0));
  }
}

// Copies the source of grid rows [y, y + rows) of plane z of one image and group.
template <class T>
HWY_INLINE void stage(const ConvArgs& a, const ConvStaging& s, const T* src, std::int64_t z,
                      std::int64_t y, std::int64_t rows, T* dst) {
  const std::int64_t source_rows = (rows - 1) * a.step[1] + s.high[1] - s.low[1] + 1;
  for (std::int64_t c = 0; c < a.in_channels; ++c) {
    for (std::int64_t i = 0; i < s.z; ++i) {
      const std::int64_t from_z = z * a.step[0] + s.low[0] + i;
      for (std::int64_t j = 0; j < source_rows; ++j) {
        const std::int64_t from_y = y * a.step[1] + s.low[1] + j;
        T* const to = dst + c * s.channel + (i * s.y + j) * s.row;
        if (from_z < 0 || from_z >= a.size[0] || from_y < 0 || from_y >= a.size[1]) {
          copy_between<T>(nullptr, 0, 0, s.row, to);
        } else {
          stage_row(s, src + c * a.src_channel + (from_z * a.size[1] + from_y) * a.size[2],
                    a.size[2], to);
        }
      }
    }
  }
}

// One group of vectors: `from` are their positions in channel 0 of the staged source, `to` in out.
template <class T, int kChannels, int kVectors>
HWY_INLINE void compute(const ConvArgs& a, const ConvStaging& s, const T* weights,
                        const std::int64_t* taps, const T* const* from, T* const* to,
                        const std::size_t* counts, int vectors, const T* bias) {
  const Tag<T> d;
  HWY_ALIGN T totals[kChannels * kVectors * kLanes<T>];
  const Depth depth(a.in_channels * a.taps);
  std::int64_t tap = 0, channel = 0;
  Vec<T> sum[kChannels][kVectors];
  for (std::int64_t part = 0; part < depth.parts; ++part) {
#pragma GCC unroll 4
    for (int m = 0; m < kChannels; ++m) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[m][v] = hn::Zero(d);
    }
    for (std::int64_t k = depth.size(part); k > 0; --k) {
      const std::int64_t at = channel + taps[tap];
      Vec<T> w[kChannels];
#pragma GCC unroll 4
      for (int m = 0; m < kChannels; ++m) w[m] = hn::Set(d, weights[m]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        Vec<T> x = hn::LoadU(d, from[v] + at);
        // Loaded once: these addresses are rarely aligned, and would be read per channel.
        keep_in_register(x);
#pragma GCC unroll 4
        for (int m = 0; m < kChannels; ++m) sum[m][v] = hn::MulAdd(w[m], x, sum[m][v]);
      }
      weights += kChannels;
      if (++tap == a.taps) tap = 0, channel += s.channel;
    }
    for (int m = 0; m < kChannels && depth.parts > 1; ++m) {
      for (int v = 0; v < kVectors; ++v) {
        T* const total = totals + (m * kVectors + v) * kLanes<T>;
        if (part > 0) sum[m][v] = hn::Add(hn::Load(d, total), sum[m][v]);
        hn::Store(sum[m][v], d, total);
      }
    }
  }
#pragma GCC unroll 4
  for (int m = 0; m < kChannels; ++m) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      if (v >= vectors) break;
      Vec<T> y = sum[m][v];
      if (bias) y = hn::Add(y, hn::Set(d, bias[m]));
      T* const out = to[v] + m * a.out_channel;
      const std::int64_t in_out = out - static_cast<T*>(a.out);
      const T* const residual = a.residual ? static_cast<const T*>(a.residual) + in_out : nullptr;
      if (a.out_step[2] == 1) {
        if (residual) y = hn::Add(y, load_head(residual, counts[v]));
        if (a.activation == Activation::relu) y = relu<T>(y);
        if (a.gate) y = gated<T>(y, a.gate, in_out);
        store_head<T>(y, out, counts[v]);
      } else {
        HWY_ALIGN T lanes[kLanes<T>];
        hn::Store(y, d, lanes);
        for (std::size_t i = 0; i < counts[v]; ++i) {
          out[static_cast<std::int64_t>(i) * a.out_step[2]] = lanes[i];
        }
        finish_row(residual, a.activation == Activation::relu, a.gate, in_out,
                   static_cast<std::int64_t>(counts[v]), a.out_step[2], out);
      }
    }
  }
}

template <class T, int kChannels>
HWY_INLINE void direct_block(const ConvArgs& a, const ConvBlocks::Block& block,
                             const ConvStaging& s, const std::int64_t* taps, T* scratch) {
  constexpr int kVectors = kTogether[kChannels - 1];
  const std::int64_t points = product(a.grid), width = a.grid[2];
  const std::int64_t n = block.pixel / points, rows = block.pixels / width;
  const std::int64_t z = block.pixel % points / (a.grid[1] * width);
  const std::int64_t y = block.pixel % (a.grid[1] * width) / width;
  T* const weights = scratch + round_up(a.in_channels * s.channel, 64);
  const T* const w = static_cast<const T*>(a.w) + block.group * a.w_group;
  T* packed = weights;
  for (std::int64_t c = 0; c < a.in_channels; ++c) {
    for (std::int64_t tap = 0; tap < a.taps; ++tap) {
      for (int m = 0; m < kChannels; ++m) {
        *packed++ = w[m * a.w_out + c * a.w_in + a.tap_weight[tap]];
      }
    }
  }
  stage(
      a, s,
      static_cast<const T*>(a.src) + n * a.src_batch + block.group * a.in_channels * a.src_channel,
      z, y, rows, scratch);
  T* const out = static_cast<T*>(a.out) + n * a.out_batch +
                 block.group * a.out_channels * a.out_channel + a.out_base + z * a.out_step[0];
  const T* const bias =
      a.bias ? static_cast<const T*>(a.bias) + block.group * a.out_channels : nullptr;
  const std::int64_t per_row = ceil_div(width, kLanes<T>), all = rows * per_row;
  for (std::int64_t first = 0; first < all; first += kVectors) {
    const T* from[kVectors];
    T* to[kVectors];
    std::size_t counts[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const std::int64_t i = std::min(first + v, all - 1);  // the rest repeats the last
      const std::int64_t row = i / per_row, x = i % per_row * kLanes<T>;
      from[v] = scratch + row * a.step[1] * s.row + x;
      to[v] = out + (y + row) * a.out_step[1] + x * a.out_step[2];
      counts[v] = static_cast<std::size_t>(std::min(kLanes<T>, width - x));
    }
    const int vectors = static_cast<int>(std::min<std::int64_t>(kVectors, all - first));
    compute<T, kChannels, kVectors>(a, s, weights, taps, from, to, counts, vectors, bias);
  }
}

template <class T>
HWY_INLINE void conv_direct(const ConvArgs& a, Range r) {
  const ConvBlocks blocks(a);
  const ConvStaging s(a);
  // Offsets of the taps come first in the scratch memory.
  auto* const taps = static_cast<std::int64_t*>(r.scratch);
  for (std::int64_t tap = 0; tap < a.taps; ++tap) {
    const std::int64_t* const o = a.tap_offset + 3 * tap;
    const std::int64_t x = o[2] - s.low[2];
    taps[tap] =
        ((o[0] - s.low[0]) * s.y + o[1] - s.low[1]) * s.row + x % s.phases * s.x + x / s.phases;
  }
  T* const scratch = reinterpret_cast<T*>(taps + round_up(a.taps, 8));
  for (std::int64_t u = r.begin; u < r.end;) {
    const ConvBlocks::Block block = blocks.first(u, r.end);
    u += block.units;
    switch (a.out_channels) {
      case 1: direct_block<T, 1>(a, block, s, taps, scratch); break;
      case 2: direct_block<T, 2>(a, block, s, taps, scratch); break;
      case 3: direct_block<T, 3>(a, block, s, taps, scratch); break;
      default: direct_block<T, 4>(a, block, s, taps, scratch); break;
    }
  }
}

void run_conv_direct_f32(const ConvArgs& a, Range r) { conv_direct<float>(a, r); }
void run_conv_direct_f64(const ConvArgs& a, Range r) { conv_direct<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_conv_direct_f32);
HWY_EXPORT(run_conv_direct_f64);

void conv_direct_f32(const ConvArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_conv_direct_f32)(a, r);
}
void conv_direct_f64(const ConvArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_conv_direct_f64)(a, r);
}

std::int64_t conv_direct_scratch_bytes(const ConvArgs& a) {
  return 8 * (ConvStaging(a).elements(a) + round_up(a.taps, 8) + 64);
}

}  // namespace ingrad::kernels::cpu
#endif
