// SPDX-License-Identifier: Apache-2.0
// Convolution by register tiles over strips: output channels by vectors of consecutive pixels.
// Weights are read where they lie or as packed beforehand, and the source is copied once per block
// of pixels and part of the sum.
#include "kernels/cpu/conv_strips.h"

#include "kernels/conv_blocks.h"
#include "kernels/cpu/conv.h"

#ifndef INGRAD_KERNELS_CPU_CONV_STRIPS_ONCE
#define INGRAD_KERNELS_CPU_CONV_STRIPS_ONCE
namespace ingrad::kernels::cpu {
namespace {

// Most planes of a block.
std::int64_t planes_of_block(const ConvArgs& a, const ConvBlocks& blocks) {
  return std::max<std::int64_t>(
      1, blocks.block_pixels() / std::max<std::int64_t>(1, a.grid[1] * a.grid[2]));
}
ConvStrips strips_of(const ConvArgs& a, const ConvBlocks& blocks, std::int64_t lanes) {
  const std::int64_t width = std::max<std::int64_t>(1, std::min(a.grid[2], blocks.pixels));
  return {a, std::min(a.grid[1], std::max<std::int64_t>(1, blocks.pixels / width)), width, lanes};
}
// Strips, their taps, and a pair of offsets per step of the sum.
std::int64_t strip_tables_bytes(const ConvArgs& a) {
  return round_up(a.taps * static_cast<std::int64_t>(sizeof(ConvStrip)) +
                      8 * (a.taps + 2 * Depth(a.in_channels * a.taps).part),
                  64);
}
// Room for the strips of one part of the sum, whose first and last channel may be shared with the
// parts beside it; loads of the last vector reach beyond.
std::int64_t strip_elements(const ConvArgs& a, const ConvBlocks& blocks) {
  // Of both kinds of strips, since which it is depends on the instruction set.
  const ConvStrips shifted = strips_of(a, blocks, a.grid[2] + 1);
  const ConvStrips padded = strips_of(a, blocks, 1);
  const std::int64_t strips = std::max(shifted.most * shifted.strip, padded.most * padded.strip);
  const std::int64_t part = Depth(a.in_channels * a.taps).part;
  const std::int64_t channels =
      std::min(a.in_channels, part / std::max<std::int64_t>(1, a.taps) + 2);
  return round_up(channels * planes_of_block(a, blocks) * strips + ConvStrips::kMaxLanes, 64);
}

}  // namespace
}  // namespace ingrad::kernels::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_strips.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/conv_strips-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// A block's points: rows [y, y + rows) of `width` points from x, in each of `planes` planes.
struct StripBlock {
  StripBlock(const ConvArgs& a, const ConvBlocks::Block& b) {
    const std::int64_t points = a.grid[1] * a.grid[2], point = b.pixel % points;
    plane = b.pixel / points;
    planes = std::max<std::int64_t>(1, b.pixels / points);
    width = std::min(a.grid[2], b.pixels);
    y = point / a.grid[2];
    x = point % a.grid[2];
    rows = b.pixels / planes / width;
  }
  std::int64_t plane, planes, y, x, rows, width;
};

// Are the source's own planes what the only tap sees?
HWY_INLINE bool pointwise(const ConvArgs& a) {
  return a.taps == 1 && a.tap_offset[0] == 0 && a.tap_offset[1] == 0 && a.tap_offset[2] == 0 &&
         (a.grid[0] == 1 || a.step[0] == 1) && (a.grid[1] == 1 || a.step[1] == 1) &&
         (a.grid[2] == 1 || a.step[2] == 1) && a.size[1] == a.grid[1] && a.size[2] == a.grid[2];
}

// Working memory of one thread: tables, strips of one part of the sum, results.
template <class T>
struct StripWork {
  StripWork(const ConvArgs& a, const ConvBlocks& blocks, void* scratch)
      : strips(static_cast<ConvStrip*>(scratch)),
        taps(reinterpret_cast<std::int64_t*>(strips + a.taps)),
        steps(taps + a.taps),
        shape(strips_of(a, blocks, kLanes<T>)) {
    shape.find(a, strips, taps);
    staged = static_cast<T*>(scratch) + strip_tables_bytes(a) / sizeof(T);
    sums = staged + strip_elements(a, blocks);
    // Runs of points are stored directly where the output's rows follow each other.
    direct = a.out_step[2] == 1 && (a.out_step[1] == a.grid[2] || shape.rows == 1);
  }
  ConvStrip* strips;
  std::int64_t* taps;
  std::int64_t* steps;
  ConvStrips shape;
  T* staged;
  T* sums;
  bool direct;
};

// Writes values whose rows of points lie `step` apart in memory.
template <class T>
HWY_INLINE void store_row(const T* from, std::int64_t n, std::int64_t step, T* to) {
  if (step == 1) return copy_values(from, n, to);
  if constexpr (kMasked) {
    if (step == 2) {
      const Tag<T> d;
      const hn::RebindToSigned<decltype(d)> di;
      const auto half = hn::ShiftRight<1>(hn::Iota(di, 0));
      const auto even =
          hn::RebindMask(d, hn::Eq(hn::And(hn::Iota(di, 0), hn::Set(di, 1)), hn::Zero(di)));
      for (std::int64_t i = 0; i < n; i += kLanes<T>) {
        const auto count = static_cast<std::size_t>(std::min(n - i, kLanes<T>));
        const Vec<T> v = load_head(from + i, count);
        for (int h = 0; h < 2; ++h) {
          const std::size_t skip = static_cast<std::size_t>(h * kLanes<T> / 2);
          if (count <= skip) break;
          const auto lanes =
              hn::Add(half, hn::Set(di, static_cast<hn::TFromD<decltype(di)>>(skip)));
          hn::BlendedStore(hn::TableLookupLanes(v, hn::IndicesFromVec(d, lanes)),
                           hn::And(even, hn::FirstN(d, 2 * (count - skip))), d,
                           to + 2 * i + h * kLanes<T>);
        }
      }
      return;
    }
  }
  for (std::int64_t i = 0; i < n; ++i) to[i * step] = from[i];
}

// Packed weights stream from far away where pixels are few.
constexpr std::int64_t kWeightsAhead = 128 * kTileRows;

// Where the packed tile that begins with output channel m of a group lies.
HWY_INLINE std::int64_t packed_tile(const ConvArgs& a, std::int64_t group, std::int64_t m) {
  return (group * round_up(a.out_channels, kTileRows) + m) * a.in_channels * a.taps;
}

template <class T>
HWY_INLINE void pack_strips(const ConvArgs& a, T* packed) {
  const T* const w = static_cast<const T*>(a.w);
  for (std::int64_t g = 0; g < a.groups; ++g) {
    for (std::int64_t m = 0; m < round_up(a.out_channels, kTileRows); ++m) {
      T* to = packed + packed_tile(a, g, m / kTileRows * kTileRows) + m % kTileRows;
      for (std::int64_t c = 0; c < a.in_channels; ++c) {
        for (std::int64_t tap = 0; tap < a.taps; ++tap, to += kTileRows) {
          const std::int64_t at = g * a.w_group + m * a.w_out + c * a.w_in + a.tap_weight[tap];
          *to = m < a.out_channels ? w[at] : T(0);
        }
      }
    }
  }
}

template <class T>
HWY_INLINE void strips_block(const ConvArgs& a, const ConvBlocks::Block& block,
                             const StripWork<T>& work) {
  const ConvStrips& shape = work.shape;
  const StripBlock s(a, block);
  const Depth depth(a.in_channels * a.taps);
  const std::int64_t piece = s.rows * s.width;
  // Points that vectors run along: the block's, or those of each row by itself.
  const std::int64_t run = shape.shifted ? piece : s.width, per_run = ceil_div(run, kLanes<T>);
  const std::int64_t per_plane = piece / run * per_run;
  const std::int64_t vectors = s.planes * per_plane, pixels = vectors * kLanes<T>;
  const T* const packed = static_cast<const T*>(a.packed);
  const std::int64_t rows = packed ? kTileRows : tile_rows(block.channels);
  const std::int64_t first_channel = block.group * a.out_channels + block.channel;
  const std::int64_t source_plane = a.size[1] * a.size[2];
  const T* const src = static_cast<const T*>(a.src) + block.group * a.in_channels * a.src_channel;
  const T* const w = static_cast<const T*>(a.w) + block.group * a.w_group + block.channel * a.w_out;
  T* const out = static_cast<T*>(a.out) + first_channel * a.out_channel + a.out_base;
  const std::int64_t in_out = out - static_cast<T*>(a.out);
  const T* const residual = a.residual ? static_cast<const T*>(a.residual) + in_out : nullptr;
  const bool in_place = piece % kLanes<T> == 0 && pointwise(a);

  for (std::int64_t part = 0; part < depth.parts; ++part) {
    const std::int64_t begin = depth.begin(part), k = depth.size(part);
    const std::int64_t c0 = k > 0 ? begin / a.taps : 0;
    const std::int64_t channels = k > 0 ? (begin + k - 1) / a.taps + 1 - c0 : 0;
    const std::int64_t staged_channel = s.planes * shape.plane;
    const std::int64_t b_channel = in_place ? a.src_channel : staged_channel;
    std::int64_t tap = begin - c0 * a.taps, from_a = c0 * a.w_in;
    std::int64_t from_b = in_place ? c0 * a.src_channel : 0;
    for (std::int64_t p = 0; p < k; ++p) {
      work.steps[2 * p] = packed ? p * kTileRows : from_a + a.tap_weight[tap];
      work.steps[2 * p + 1] = from_b + (in_place ? 0 : work.taps[tap]);
      if (++tap == a.taps) tap = 0, from_a += a.w_in, from_b += b_channel;
    }
    for (std::int64_t c = 0; c < channels && !in_place; ++c) {
      for (std::int64_t i = 0; i < s.planes; ++i) {
        const std::int64_t n = (s.plane + i) / a.grid[0], z = (s.plane + i) % a.grid[0];
        fill_strips(a, shape, work.strips, src + n * a.src_batch + (c0 + c) * a.src_channel, z, s.y,
                    s.x, s.rows, s.width, work.staged + c * staged_channel + i * shape.plane);
      }
    }
    StripJob<T> job;
    job.k = k;
    job.steps = work.steps;
    job.a_row = packed ? 1 : a.w_out;
    job.ahead = packed ? kWeightsAhead : 0;
    job.c_step = work.direct ? a.out_channel : pixels;
    job.add = part > 0;
    const bool last = part + 1 == depth.parts;
    job.gate = last && work.direct ? a.gate : nullptr;
    job.relu = last && a.activation == Activation::relu && (work.direct || !residual);
    for (std::int64_t v = 0; v < vectors; v += kTileVectors) {
      const int together = static_cast<int>(std::min<std::int64_t>(kTileVectors, vectors - v));
      T* c[kTileVectors];
      for (int j = 0; j < together; ++j) {
        const std::int64_t index = (v + j) / per_plane, vector = (v + j) % per_plane;
        const std::int64_t row = vector / per_run, in_run = vector % per_run * kLanes<T>;
        const std::int64_t at = row * run + in_run;
        const std::int64_t n = (s.plane + index) / a.grid[0], z = (s.plane + index) % a.grid[0];
        job.count[j] = static_cast<std::size_t>(std::min(kLanes<T>, run - in_run));
        job.b[j] = in_place ? src + n * a.src_batch + z * source_plane + s.y * a.grid[2] + s.x + at
                            : work.staged + index * shape.plane + row * shape.pitch + in_run;
        c[j] = work.direct
                   ? out + n * a.out_batch + z * a.out_step[0] + s.y * a.out_step[1] + s.x + at
                   : work.sums + (v + j) * kLanes<T>;
      }
      for (std::int64_t i = 0; i < block.channels; i += rows) {
        job.a = packed ? packed + packed_tile(a, block.group, block.channel + i) + begin * kTileRows
                       : w + i * a.w_out;
        if (last && a.bias) job.row_bias = static_cast<const T*>(a.bias) + first_channel + i;
        for (int j = 0; j < together; ++j) {
          job.c[j] = c[j] + i * job.c_step;
          job.residual[j] = last && residual && work.direct ? residual + (job.c[j] - out) : nullptr;
          job.gate_at[j] = in_out + (job.c[j] - out);
        }
        run_strip_tile(job, std::min(rows, block.channels - i), together);
      }
    }
  }
  if (work.direct) return;
  for (std::int64_t m = 0; m < block.channels; ++m) {
    for (std::int64_t i = 0; i < s.planes; ++i) {
      const std::int64_t n = (s.plane + i) / a.grid[0], z = (s.plane + i) % a.grid[0];
      const T* const from = work.sums + m * pixels + i * per_plane * kLanes<T>;
      T* const to = out + m * a.out_channel + n * a.out_batch + z * a.out_step[0] +
                    s.y * a.out_step[1] + s.x * a.out_step[2];
      for (std::int64_t r = 0; r < s.rows; ++r) {
        T* const row = to + r * a.out_step[1];
        store_row(from + r * s.width, s.width, a.out_step[2], row);
        if (!a.gate && !residual) continue;
        finish_row(residual ? residual + (row - out) : nullptr, a.activation == Activation::relu,
                   a.gate, in_out + (row - out), s.width, a.out_step[2], row);
      }
    }
  }
}

template <class T>
HWY_INLINE void conv_strips(const ConvArgs& a, Range r) {
  const ConvBlocks blocks(a);
  const StripWork<T> work(a, blocks, r.scratch);
  for (std::int64_t u = r.begin; u < r.end;) {
    const ConvBlocks::Block block = blocks.first(u, r.end);
    strips_block(a, block, work);
    u += block.units;
  }
}

void run_pack_strips_f32(const ConvArgs& a, void* packed) {
  pack_strips(a, static_cast<float*>(packed));
}
void run_pack_strips_f64(const ConvArgs& a, void* packed) {
  pack_strips(a, static_cast<double*>(packed));
}
void run_conv_strips_f32(const ConvArgs& a, Range r) { conv_strips<float>(a, r); }
void run_conv_strips_f64(const ConvArgs& a, Range r) { conv_strips<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_conv_strips_f32);
HWY_EXPORT(run_conv_strips_f64);
HWY_EXPORT(run_pack_strips_f32);
HWY_EXPORT(run_pack_strips_f64);

void pack_strips_f32(const ConvArgs& a, void* packed) {
  HWY_DYNAMIC_DISPATCH(run_pack_strips_f32)(a, packed);
}
void pack_strips_f64(const ConvArgs& a, void* packed) {
  HWY_DYNAMIC_DISPATCH(run_pack_strips_f64)(a, packed);
}

void conv_strips_f32(const ConvArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_conv_strips_f32)(a, r);
}
void conv_strips_f64(const ConvArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_conv_strips_f64)(a, r);
}

std::int64_t conv_strips_scratch_bytes(const ConvArgs& a) {
  const ConvBlocks blocks(a);
  const std::int64_t pixels =
      blocks.block_pixels() + planes_of_block(a, blocks) * ConvStrips::kMaxLanes;
  return strip_tables_bytes(a) + 8 * (strip_elements(a, blocks) + a.out_channels * pixels);
}

}  // namespace ingrad::kernels::cpu
#endif
