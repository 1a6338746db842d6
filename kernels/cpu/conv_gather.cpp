// SPDX-License-Identifier: Apache-2.0
// Convolution as a matrix product whose right operand, the unfolded source, exists one block of
// pixels and one part of the sum at a time. Weights are packed once per call and thread.
#include "kernels/cpu/conv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/conv_gather.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/conv-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// Packs rows k in [begin, end) of the weights of `lanes` output channels.
template <class T>
HWY_INLINE void pack_weights(const ConvArgs& a, const T* w, std::int64_t lanes, std::int64_t begin,
                             std::int64_t end, T* dst) {
  if (begin == end) return;
  bool contiguous = a.w_in == a.taps;
  for (std::int64_t tap = 1; contiguous && tap < a.taps; ++tap) {
    contiguous = a.tap_weight[tap] == a.tap_weight[0] + tap;
  }
  if (contiguous) {
    pack_panel<T, kTileStride>(w + a.tap_weight[0] + begin, a.w_out, 1, lanes, end - begin, dst);
    return;
  }
  std::int64_t c = begin / a.taps, tap = begin % a.taps;
  for (std::int64_t k = begin; k < end; ++k, dst += kTileStride) {
    const T* const from = w + c * a.w_in + a.tap_weight[tap];
    for (std::int64_t i = 0; i < lanes; ++i) dst[i] = from[i * a.w_out];
    if (++tap == a.taps) tap = 0, ++c;
  }
}

// Working memory of one thread; the sizes bound every block's need.
template <class T>
struct Buffers {
  T* weights;  // [part][tile][k][kTileStride]
  T* panels;   // [panel][k][panel width]
  T* sums;     // [channel][pixel]
};

template <class T>
HWY_INLINE Buffers<T> buffers_in(const ConvArgs& a, void* scratch) {
  const ConvBlocks blocks(a);
  const Depth depth(a.in_channels * a.taps);
  Buffers<T> b;
  b.weights = static_cast<T*>(scratch);
  b.panels = b.weights + round_up(packed_weights(a), 64);
  b.sums = b.panels + round_up(depth.part * blocks.block_pixels(), 64);
  return b;
}

template <class T>
HWY_INLINE void pack_all_weights(const ConvArgs& a, const ConvBlocks::Block& block, T* dst) {
  const T* const w = static_cast<const T*>(a.w) + block.group * a.w_group + block.channel * a.w_out;
  const Depth depth(a.in_channels * a.taps);
  const std::int64_t rows = tile_rows(block.channels);
  for (std::int64_t part = 0; part < depth.parts; ++part) {
    for (std::int64_t i = 0; i < block.channels; i += rows) {
      pack_weights(a, w + i * a.w_out, std::min(rows, block.channels - i), depth.begin(part),
                   depth.begin(part + 1), dst);
      dst += depth.size(part) * kTileStride;
    }
  }
}

template <class T>
HWY_INLINE void conv_block(const ConvArgs& a, const ConvBlocks::Block& block,
                           const Buffers<T>& buffer) {
  constexpr std::int64_t kWidth = kPanelWidth<T>;
  const T* const src = static_cast<const T*>(a.src) + block.group * a.in_channels * a.src_channel;
  const Depth depth(a.in_channels * a.taps);
  const std::int64_t rows = tile_rows(block.channels);
  const std::int64_t pixels = round_up(block.pixels, kWidth);
  const std::int64_t first_channel = block.group * a.out_channels + block.channel;
  Run runs[ConvBlocks::kFewPixels];
  const std::int64_t count = cut_runs(a, block.pixel, block.pixels, kWidth, runs);

  const T* weights = buffer.weights;
  for (std::int64_t part = 0; part < depth.parts; ++part) {
    const std::int64_t begin = depth.begin(part), k = depth.size(part);
    TileJob<T> job;
    job.k = k;
    job.c_step = pixels;
    job.columns = static_cast<std::size_t>(kWidth);
    job.add = part > 0;
    const bool last = part + 1 == depth.parts;
    job.relu = last && a.activation == Activation::relu && !a.residual;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t at = runs[i].at;
      T* const panel = buffer.panels + at / kWidth * k * kWidth + at % kWidth;
      gather_run(a, src, runs[i], begin, begin + k, panel, kWidth);
    }
    for (std::int64_t i = 0; i < block.channels; i += rows) {
      job.a = weights;
      weights += k * kTileStride;
      if (last && a.bias) job.row_bias = static_cast<const T*>(a.bias) + first_channel + i;
      for (std::int64_t j = 0; j < pixels; j += kWidth) {
        job.b = buffer.panels + j * k;
        job.c = buffer.sums + i * pixels + j;
        run_tile(job, std::min(rows, block.channels - i));
      }
    }
  }

  T* const out = static_cast<T*>(a.out) + first_channel * a.out_channel;
  for (std::int64_t i = 0; i < count; ++i) {
    const T* const from = buffer.sums + runs[i].at;
    T* const to = out + runs[i].out;
    if (a.out_step[2] == 1) {
      copy_rows(from, pixels, 1, 0, runs[i].count, runs[i].count, block.channels, to,
                a.out_channel);
    }
    for (std::int64_t m = 0; m < block.channels && a.out_step[2] != 1; ++m) {
      for (std::int64_t x = 0; x < runs[i].count; ++x) {
        to[m * a.out_channel + x * a.out_step[2]] = from[m * pixels + x];
      }
    }
    for (std::int64_t m = 0; m < block.channels && (a.residual || a.gate); ++m) {
      T* const row = to + m * a.out_channel;
      const std::int64_t in_out = row - static_cast<T*>(a.out);
      finish_row(a.residual ? static_cast<const T*>(a.residual) + in_out : nullptr,
                 a.activation == Activation::relu, a.gate, in_out, runs[i].count, a.out_step[2],
                 row);
    }
  }
}

template <class T>
HWY_INLINE void conv_gather(const ConvArgs& a, Range r) {
  const ConvBlocks blocks(a);
  const Buffers<T> buffer = buffers_in<T>(a, r.scratch);
  ConvBlocks::Block packed{};
  packed.group = -1;
  for (std::int64_t u = r.begin; u < r.end;) {
    const ConvBlocks::Block block = blocks.first(u, r.end);
    if (block.group != packed.group || block.channel != packed.channel ||
        block.channels != packed.channels) {
      pack_all_weights(a, block, buffer.weights);
      packed = block;
    }
    conv_block(a, block, buffer);
    u += block.units;
  }
}

void run_conv_gather_f32(const ConvArgs& a, Range r) { conv_gather<float>(a, r); }
void run_conv_gather_f64(const ConvArgs& a, Range r) { conv_gather<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(run_conv_gather_f32);
HWY_EXPORT(run_conv_gather_f64);

void conv_gather_f32(const ConvArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_conv_gather_f32)(a, r);
}
void conv_gather_f64(const ConvArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(run_conv_gather_f64)(a, r);
}

std::int64_t conv_gather_scratch_bytes(const ConvArgs& a) {
  const std::int64_t pixels = ConvBlocks(a).block_pixels();
  return 8 * (packed_weights(a) + (Depth(a.in_channels * a.taps).part + a.out_channels) * pixels +
              3 * 64);
}

}  // namespace ingrad::kernels::cpu
#endif
