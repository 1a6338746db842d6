// SPDX-License-Identifier: Apache-2.0
// Convolution as a sum over taps. One kernel serves the forward pass, the data gradient (one call
// per phase of the stride) and transposed convolution, for 1 to 3 spatial axes; another computes
// the weight gradient.
#pragma once

#include "kernels/gemm.h"
#include "kernels/kernel.h"

namespace ingrad::kernels {

// For every image n, group g, output channel m < out_channels (per group), grid point t:
//   out[n][g][m](t) = activation(sum_{c < in_channels, tap}
//                      w(g, m, c, tap) * src[n][g][c](t * step + tap_offset[tap]) + bias(g, m)
//                      + residual[n][g][m](t))
// where positions outside src count as zero. Three spatial axes always (leading ones of size 1).
// Element addresses:
//   src: n*src_batch + (g*in_channels + c)*src_channel + ((z*size[1]) + y)*size[2] + x
//   w:   g*w_group + m*w_out + c*w_in + tap_weight[tap]
//   out: n*out_batch + (g*out_channels + m)*out_channel + out_base + sum_a t[a]*out_step[a]
// With a gate the result is zero where its bit for that element of `out` (kernels/sign_bits.h) is
// not set: the gradient of ReLU. The residual is laid out as out, or null. Phases of a data
// gradient write interleaved grid points through out_base and out_step. taps == 0 writes
// activation(bias). The summation order depends on in_channels and taps alone.
struct ConvArgs {
  const void* src = nullptr;
  const void* w = nullptr;
  void* out = nullptr;
  const void* bias = nullptr;  // [groups * out_channels] or null
  std::int64_t batch = 0, groups = 1, in_channels = 0, out_channels = 0;  // channels per group
  std::array<std::int64_t, 3> size{};                                     // of src
  std::array<std::int64_t, 3> grid{};                                     // of output points t
  std::array<std::int64_t, 3> step{};                                     // of src per grid point
  std::int64_t taps = 0;
  const std::int64_t* tap_offset = nullptr;  // [taps][3]
  const std::int64_t* tap_weight = nullptr;  // [taps]
  std::int64_t src_batch = 0, src_channel = 0;
  std::int64_t w_group = 0, w_out = 0, w_in = 0;
  std::int64_t out_batch = 0, out_channel = 0, out_base = 0;
  std::array<std::int64_t, 3> out_step{};
  Activation activation = Activation::none;
  const void* residual = nullptr;
  const std::uint8_t* gate = nullptr;
  // w as pack_conv() has written it, or null; the cpu back end then does not read w.
  const void* packed = nullptr;

  template <class F>
  void for_each_operand(F&& f) {
    f(src);
    f(w);
    f(out);
    f(bias);
    f(residual);
    f(gate);
  }
  template <class F>
  void for_each_table(F&& f) {
    f(tap_offset, 3 * taps);
    f(tap_weight, taps);
  }
};

// Weight gradient, same notation, `out` is read (the gradient of the output) and w is written:
//   w(g, m, c, tap) = sum_{n, t} out[n][g][m](t) * src[n][g][c](t * step + tap_offset[tap])
struct ConvWeightGradArgs {
  const void* src = nullptr;
  const void* out = nullptr;
  void* w = nullptr;
  std::int64_t batch = 0, groups = 1, in_channels = 0, out_channels = 0;
  std::array<std::int64_t, 3> size{};
  std::array<std::int64_t, 3> grid{};
  std::array<std::int64_t, 3> step{};
  std::int64_t taps = 0;
  const std::int64_t* tap_offset = nullptr;
  const std::int64_t* tap_weight = nullptr;
  std::int64_t src_batch = 0, src_channel = 0;
  std::int64_t w_group = 0, w_out = 0, w_in = 0;
  std::int64_t out_batch = 0, out_channel = 0, out_base = 0;
  std::array<std::int64_t, 3> out_step{};

  template <class F>
  void for_each_operand(F&& f) {
    f(src);
    f(out);
    f(w);
  }
  template <class F>
  void for_each_table(F&& f) {
    f(tap_offset, 3 * taps);
    f(tap_weight, taps);
  }
};

// dtypes f32, f64.
extern const Family<ConvArgs> conv;

// Bytes of w packed for the active instruction set, which must not change afterwards; 0 where it is
// read as it lies. The addresses, channels and taps of w count, the rest may differ from call to
// call, except for the sizes of planes.
std::int64_t packed_conv_bytes(const ConvArgs& a, DType t);
void pack_conv(const ConvArgs& a, DType t, void* packed);

extern const Family<ConvWeightGradArgs> conv_weight_grad;

}  // namespace ingrad::kernels
