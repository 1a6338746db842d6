// SPDX-License-Identifier: Apache-2.0
// Convolution of 3 x 3 taps by Winograd's minimal filtering F(4 x 4, 3 x 3): a tile of 4 x 4
// outputs costs 36 multiplications per pair of channels instead of 144. Sums run over transformed
// values, so that results differ from those of `conv` by rounding of the order of 1e-5 of the
// largest. (Winograd 1980; Lavin and Gray 2016, arXiv:1509.09308, section 4.2.)
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// out[n][m](y, x) = f(sum_{c, i, j} w(m, c, i, j) * src[n][c](y + i - pad[0], x + j - pad[1])),
// zero outside src; f: plus bias[m], plus residual, ReLU, zero where the gate's bit for that
// element of out (kernels/sign_bits.h) is not set, each if given. All arrays dense: src
// [batch][in_channels][size], out and residual
// [batch][out_channels][grid].
struct WinogradArgs {
  const void* src = nullptr;
  const void* weights = nullptr;  // as winograd_weights has written them
  void* out = nullptr;
  const void* bias = nullptr;
  const void* residual = nullptr;
  const std::uint8_t* gate = nullptr;
  bool relu = false;
  std::int64_t batch = 0, in_channels = 0, out_channels = 0;
  std::array<std::int64_t, 2> size{};  // of src
  std::array<std::int64_t, 2> grid{};  // of out
  std::array<std::int64_t, 2> pad{};   // at most 2

  template <class F>
  void for_each_operand(F&& f) {
    f(src);
    f(weights);
    f(out);
    f(bias);
    f(residual);
    f(gate);
  }
};

// The weights as `winograd` reads them for the active instruction set, which must not change in
// between: w(m, c, i, j) = weights[m * out_step + c * in_step + tap], tap = 3 i + j, or
// 8 - (3 i + j) if `mirrored`, as data gradients ask for. Units: blocks of output
// channels.
struct WinogradWeightsArgs {
  const void* weights = nullptr;
  void* packed = nullptr;  // winograd_weight_bytes()
  std::int64_t in_channels = 0, out_channels = 0;
  std::int64_t in_step = 0, out_step = 0;
  bool mirrored = false;

  template <class F>
  void for_each_operand(F&& f) {
    f(weights);
    f(packed);
  }
};
std::int64_t winograd_weight_bytes(const WinogradWeightsArgs& a);

// dtype f32, back end cpu.
extern const Family<WinogradArgs> winograd;
extern const Family<WinogradWeightsArgs> winograd_weights;

}  // namespace ingrad::kernels
