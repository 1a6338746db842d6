// SPDX-License-Identifier: Apache-2.0
// What surrounds a library's convolution, against plain loops.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/cuda/conv_parts.h"

namespace ingrad::kernels {
namespace {

std::vector<float> numbers(std::int64_t n, int seed) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>((static_cast<int>(i) * 37 + seed * 101) % 41 - 20) / 8;
  }
  return x;
}

// Two groups of five channels on 2 x 4 x 3 points, every second one of a row.
ConvArgs strided(std::vector<float>& out) {
  ConvArgs c;
  c.batch = 3, c.groups = 2, c.out_channels = 5, c.in_channels = 4;
  c.grid = {2, 4, 3};
  c.out_step = {30, 7, 2};
  c.out_base = 1;
  c.out_channel = 61, c.out_batch = 613;
  c.out = out.data();
  return c;
}

TEST(EmulatedConvParts, FinishesWhatItShallAndNothingElse) {
  for (int parts = 0; parts < 16; ++parts) {
    std::vector<float> out = numbers(3 * 613, 1);
    const std::vector<float> before = out, residual = numbers(3 * 613, 2), bias = numbers(10, 3);
    const std::vector<std::uint8_t> gate(3 * 613 / 8 + 1, 0x5a);
    ConvArgs c = strided(out);
    if (parts & 1) c.bias = bias.data();
    if (parts & 2) c.residual = residual.data();
    if (parts & 4) c.activation = Activation::relu;
    if (parts & 8) c.gate = gate.data();
    std::vector<float> expected = before;
    for (std::int64_t n = 0; n < 3; ++n) {
      for (std::int64_t channel = 0; channel < 10; ++channel) {
        for (std::int64_t p = 0; p < 24; ++p) {
          const auto at = static_cast<std::size_t>(n * 613 + channel * 61 + 1 + p / 12 * 30 +
                                                   p / 3 % 4 * 7 + p % 3 * 2);
          float v = before[at];
          if (parts & 1) v += bias[static_cast<std::size_t>(channel)];
          if (parts & 2) v += residual[at];
          if ((parts & 4) && v < 0) v = 0;
          if ((parts & 8) && (0x5a >> (at % 8) & 1) == 0) v = 0;
          expected[at] = v;
        }
      }
    }
    emulated::finish_conv(c);
    EXPECT_EQ(out, expected) << parts;
  }
}

TEST(EmulatedConvParts, GathersWeights) {
  std::vector<float> out;
  ConvArgs c = strided(out);
  c.taps = 6;
  const std::vector<float> w = numbers(2 * 5 * 4 * 6, 4);
  const std::vector<std::int64_t> tap_weight = {5, 3, 1, 4, 2, 0};
  // As for a data gradient: channels change places, taps run backwards.
  c.w = w.data();
  c.w_group = 5 * 4 * 6, c.w_out = 6, c.w_in = 5 * 6;
  std::vector<float> packed(w.size(), NAN);
  emulated::pack_taps(c, tap_weight.data(), packed.data());
  for (std::size_t g = 0; g < 2; ++g) {
    for (std::size_t m = 0; m < 5; ++m) {
      for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t t = 0; t < 6; ++t) {
          EXPECT_EQ(packed[((g * 5 + m) * 4 + i) * 6 + t],
                    w[g * 120 + m * 6 + i * 30 + static_cast<std::size_t>(tap_weight[t])]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace ingrad::kernels
