// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/conv.h"

#include "kernels/conv_blocks.h"
#include "kernels/sign_bits.h"

namespace ingrad::kernels::reference {
namespace {

// Offset within a source plane of grid point t under a tap; -1 outside.
template <class Args>
std::int64_t source(const Args& a, const std::array<std::int64_t, 3>& t, std::int64_t tap) {
  std::int64_t offset = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t x =
        t[axis] * a.step[axis] + a.tap_offset[tap * 3 + static_cast<std::int64_t>(axis)];
    if (x < 0 || x >= a.size[axis]) return -1;
    offset = offset * a.size[axis] + x;
  }
  return offset;
}

template <class Args>
std::array<std::int64_t, 3> point_of(const Args& a, std::int64_t i) {
  return {i / (a.grid[1] * a.grid[2]), i / a.grid[2] % a.grid[1], i % a.grid[2]};
}

template <class Args>
std::int64_t out_offset(const Args& a, std::int64_t n, std::int64_t channel,
                        const std::array<std::int64_t, 3>& t) {
  return n * a.out_batch + channel * a.out_channel + a.out_base + t[0] * a.out_step[0] +
         t[1] * a.out_step[1] + t[2] * a.out_step[2];
}

template <class T>
void conv(const ConvArgs& a, Range r) {
  const T* const src = static_cast<const T*>(a.src);
  const T* const w = static_cast<const T*>(a.w);
  const T* const bias = static_cast<const T*>(a.bias);
  const ConvBlocks blocks(a);
  for (std::int64_t u = r.begin; u < r.end;) {
    const ConvBlocks::Block b = blocks.first(u, r.end);
    u += b.units;
    for (std::int64_t m = b.channel; m < b.channel + b.channels; ++m) {
      for (std::int64_t p = b.pixel; p < b.pixel + b.pixels; ++p) {
        const std::int64_t n = p / product(a.grid);
        const auto t = point_of(a, p % product(a.grid));
        double sum = bias ? double{bias[b.group * a.out_channels + m]} : 0;
        for (std::int64_t tap = 0; tap < a.taps; ++tap) {
          const std::int64_t at = source(a, t, tap);
          if (at < 0) continue;
          for (std::int64_t c = 0; c < a.in_channels; ++c) {
            sum += double{w[b.group * a.w_group + m * a.w_out + c * a.w_in + a.tap_weight[tap]]} *
                   src[n * a.src_batch + (b.group * a.in_channels + c) * a.src_channel + at];
          }
        }
        const std::int64_t to = out_offset(a, n, b.group * a.out_channels + m, t);
        if (a.residual) sum += double{static_cast<const T*>(a.residual)[to]};
        T v = static_cast<T>(sum);
        if (a.activation == Activation::relu && v < T(0)) v = T(0);
        if (a.gate && !sign_bit(a.gate, to)) v = T(0);
        static_cast<T*>(a.out)[to] = v;
      }
    }
  }
}

template <class T>
void conv_weight_grad(const ConvWeightGradArgs& a, Range r) {
  const T* const src = static_cast<const T*>(a.src);
  const T* const out = static_cast<const T*>(a.out);
  const ConvWeightGradBlocks blocks(a);
  for (std::int64_t u = r.begin; u < r.end;) {
    const ConvWeightGradBlocks::Block b = blocks.first(u, r.end);
    u += b.units;
    for (std::int64_t m = b.row; m < b.row + b.rows; ++m) {
      for (std::int64_t j = b.column; j < b.column + b.columns; ++j) {
        const std::int64_t c = j / a.taps, tap = j % a.taps;
        double sum = 0;
        for (std::int64_t p = 0; p < a.batch * product(a.grid); ++p) {
          const std::int64_t n = p / product(a.grid);
          const auto t = point_of(a, p % product(a.grid));
          const std::int64_t at = source(a, t, tap);
          if (at < 0) continue;
          sum += double{out[out_offset(a, n, b.group * a.out_channels + m, t)]} *
                 src[n * a.src_batch + (b.group * a.in_channels + c) * a.src_channel + at];
        }
        static_cast<T*>(a.w)[b.group * a.w_group + m * a.w_out + c * a.w_in + a.tap_weight[tap]] =
            static_cast<T>(sum);
      }
    }
  }
}

}  // namespace

void conv_f32(const ConvArgs& a, Range r) { conv<float>(a, r); }
void conv_f64(const ConvArgs& a, Range r) { conv<double>(a, r); }
void conv_weight_grad_f32(const ConvWeightGradArgs& a, Range r) { conv_weight_grad<float>(a, r); }
void conv_weight_grad_f64(const ConvWeightGradArgs& a, Range r) { conv_weight_grad<double>(a, r); }

}  // namespace ingrad::kernels::reference
