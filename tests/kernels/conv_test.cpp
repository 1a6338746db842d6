// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::difference;
using testing::dtype_of;
using testing::random_values;
using testing::run_units;
using testing::tolerance;
using Axes = std::array<std::int64_t, 3>;

using ConvIsa = testing::EveryIsa;

struct Shape {
  std::int64_t batch, groups, in_channels, out_channels;  // channels per group
  Axes size, kernel, stride, padding, dilation;
};

constexpr Axes kOnes = {1, 1, 1}, kNone = {0, 0, 0};
const std::vector<Shape> kShapes = {
    // two spatial axes: ordinary, odd sizes, few and many pixels, deep sums
    {2, 1, 3, 16, {1, 9, 7}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {3, 1, 5, 13, {1, 11, 40}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {5, 1, 7, 30, {1, 4, 4}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {1, 1, 90, 7, {1, 6, 5}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {2, 1, 6, 16, {1, 14, 33}, {1, 5, 5}, kOnes, {0, 2, 2}, kOnes},
    {2, 1, 4, 9, {1, 13, 12}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, kOnes},
    {2, 1, 3, 8, {1, 30, 31}, {1, 7, 7}, {1, 2, 2}, {0, 3, 3}, kOnes},
    {1, 1, 2, 6, {1, 12, 17}, {1, 3, 2}, {1, 3, 1}, {0, 4, 5}, {1, 2, 3}},
    {4, 1, 20, 24, {1, 16, 16}, {1, 1, 1}, kOnes, kNone, kOnes},
    {3, 1, 12, 5, {1, 7, 5}, {1, 1, 1}, kOnes, kNone, kOnes},
    {2, 1, 8, 10, {1, 8, 8}, {1, 1, 1}, {1, 2, 2}, kNone, kOnes},
    {2, 1, 3, 6, {1, 5, 5}, {1, 1, 1}, kOnes, {0, 1, 1}, kOnes},
    // planes that fill vectors badly, rows longer than a block, pixels that merge across images
    {7, 1, 6, 10, {1, 3, 3}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {61, 2, 8, 5, {1, 3, 3}, {1, 2, 2}, kOnes, kNone, kOnes},
    {1, 1, 3, 6, {1, 3, 601}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {1, 1, 2, 5, {1, 4, 1030}, {1, 2, 5}, {1, 1, 2}, {0, 0, 3}, kOnes},
    {37, 1, 50, 26, {1, 4, 4}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {40, 1, 9, 8, {1, 8, 8}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, kOnes},
    // Rows of whole vectors: one padded strip serves all taps of a phase, unless taps lie far
    // apart.
    {2, 1, 7, 13, {1, 9, 32}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {3, 1, 45, 6, {1, 5, 16}, {1, 3, 5}, kOnes, {0, 0, 2}, kOnes},
    {2, 1, 6, 17, {1, 31, 32}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, kOnes},
    {1, 1, 4, 9, {1, 20, 48}, {1, 3, 3}, {1, 1, 3}, {0, 1, 0}, kOnes},
    {2, 1, 5, 8, {1, 8, 16}, {1, 3, 3}, kOnes, {0, 3, 3}, {1, 3, 3}},
    {2, 1, 5, 8, {1, 6, 16}, {1, 2, 2}, kOnes, {0, 0, 8}, {1, 1, 16}},
    {2, 1, 3, 7, {4, 6, 16}, {3, 3, 3}, kOnes, {1, 1, 1}, kOnes},
    {1, 2, 3, 6, {1, 24, 16}, {1, 3, 4}, {1, 2, 1}, {0, 1, 1}, {1, 1, 1}},
    // one and three axes
    {3, 1, 4, 12, {1, 1, 50}, {1, 1, 5}, {1, 1, 2}, {0, 0, 2}, kOnes},
    {1, 1, 3, 14, {5, 6, 7}, {3, 2, 3}, kOnes, {1, 0, 1}, kOnes},
    {2, 1, 2, 3, {6, 5, 9}, {2, 3, 3}, {2, 1, 2}, {1, 1, 2}, {1, 2, 1}},
    // groups, depthwise, channel multiplier, few output channels
    {2, 3, 2, 5, {1, 8, 9}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {2, 7, 1, 1, {1, 10, 37}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {1, 5, 1, 1, {1, 15, 20}, {1, 3, 5}, {1, 2, 3}, {0, 1, 2}, kOnes},
    {2, 4, 1, 2, {1, 9, 9}, {1, 3, 3}, {1, 2, 2}, {0, 2, 2}, {1, 2, 2}},
    {2, 1, 64, 3, {1, 12, 19}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {1, 2, 50, 4, {1, 40, 33}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    // nothing to sum, nothing to write
    {2, 1, 0, 6, {1, 4, 4}, {1, 1, 1}, kOnes, kNone, kOnes},
    {2, 1, 0, 2, {1, 4, 4}, {1, 1, 1}, kOnes, kNone, kOnes},
    {0, 1, 3, 8, {1, 4, 4}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {2, 1, 3, 0, {1, 4, 4}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
};

// The forward pass of a convolution over dense tensors.
struct Geometry {
  explicit Geometry(const Shape& s) : shape(s) {
    for (std::size_t i = 0; i < 3; ++i) {
      grid[i] =
          (s.size[i] + 2 * s.padding[i] - s.dilation[i] * (s.kernel[i] - 1) - 1) / s.stride[i] + 1;
    }
    for (std::int64_t z = 0; z < s.kernel[0]; ++z) {
      for (std::int64_t y = 0; y < s.kernel[1]; ++y) {
        for (std::int64_t x = 0; x < s.kernel[2]; ++x) {
          tap_offset.insert(tap_offset.end(),
                            {z * s.dilation[0] - s.padding[0], y * s.dilation[1] - s.padding[1],
                             x * s.dilation[2] - s.padding[2]});
          tap_weight.push_back(static_cast<std::int64_t>(tap_weight.size()));
        }
      }
    }
  }

  template <class Args>
  Args args() const {
    const std::int64_t points = grid[0] * grid[1] * grid[2];
    const std::int64_t source = shape.size[0] * shape.size[1] * shape.size[2];
    Args a;
    a.batch = shape.batch, a.groups = shape.groups;
    a.in_channels = shape.in_channels, a.out_channels = shape.out_channels;
    a.size = shape.size, a.grid = grid, a.step = shape.stride;
    a.taps = static_cast<std::int64_t>(tap_weight.size());
    a.tap_offset = tap_offset.data(), a.tap_weight = tap_weight.data();
    a.src_channel = source, a.src_batch = source * shape.groups * shape.in_channels;
    a.w_in = a.taps, a.w_out = a.taps * shape.in_channels;
    a.w_group = a.w_out * shape.out_channels;
    a.out_channel = points, a.out_batch = points * shape.groups * shape.out_channels;
    a.out_step = {grid[1] * grid[2], grid[2], 1};
    return a;
  }

  std::size_t src_size() const {
    return static_cast<std::size_t>(shape.batch * args<ConvArgs>().src_batch);
  }
  std::size_t out_size() const {
    return static_cast<std::size_t>(shape.batch * args<ConvArgs>().out_batch);
  }
  std::size_t w_size() const {
    return static_cast<std::size_t>(shape.groups * args<ConvArgs>().w_group);
  }

  Shape shape;
  Axes grid{};
  std::vector<std::int64_t> tap_offset, tap_weight;
};

std::string name(const Shape& s) {
  return std::to_string(s.batch) + "x" + std::to_string(s.groups) + "x" +
         std::to_string(s.in_channels) + "->" + std::to_string(s.out_channels) + " size " +
         std::to_string(s.size[1]) + "x" + std::to_string(s.size[2]) + " kernel " +
         std::to_string(s.kernel[1]) + "x" + std::to_string(s.kernel[2]);
}

// Runs on reference and cpu, whole and in pieces; expects agreement and, between pieces, equality.
// `out` may be larger than what is written: the rest must stay.
template <class T, class Args>
void expect_agreement(const Family<Args>& family, Args a, void* Args::*result, std::size_t size,
                      const std::string& what) {
  const std::vector<T> before(size, T(-77));
  std::vector<T> expected = before, got = before, split = before;
  a.*result = expected.data();
  run_units(family, Backend::reference, dtype_of<T>(), a);
  a.*result = got.data();
  run_units(family, Backend::cpu, dtype_of<T>(), a);
  for (std::size_t i = 0; i < size; ++i) {
    ASSERT_EQ(expected[i] == T(-77), got[i] == T(-77)) << what << ": element " << i;
  }
  ASSERT_LE(difference(got, expected), 2 * tolerance<T>()) << what;
  for (const std::int64_t step : {1, 3}) {
    split = before;
    a.*result = split.data();
    run_units(family, Backend::cpu, dtype_of<T>(), a, step);
    ASSERT_EQ(kernels::testing::compare_bytes(got.data(), split.data(), size * sizeof(T)), 0)
        << what << step;
  }
}

// Weights that were packed beforehand give the same bits.
template <class T>
void expect_same_when_packed(ConvArgs a, std::size_t size, const std::string& what) {
  const std::int64_t bytes = packed_conv_bytes(a, dtype_of<T>());
  if (bytes == 0 || testing::kDevice) return;
  std::vector<T> packed(static_cast<std::size_t>(bytes) / sizeof(T) + 1, T(-77));
  pack_conv(a, dtype_of<T>(), packed.data());
  EXPECT_EQ(packed.back(), T(-77)) << what;
  std::vector<T> expected(size, T(-77)), got = expected, split = expected;
  a.out = expected.data();
  run_units(conv, Backend::cpu, dtype_of<T>(), a);
  a.packed = packed.data();
  const std::vector<T> unread(static_cast<std::size_t>(a.groups * a.w_group) + 1, T(NAN));
  a.w = unread.data();
  a.out = got.data();
  run_units(conv, Backend::cpu, dtype_of<T>(), a);
  EXPECT_EQ(got, expected) << what;
  a.out = split.data();
  run_units(conv, Backend::cpu, dtype_of<T>(), a, 1);
  EXPECT_EQ(split, expected) << what;
}

template <class T>
void expect_forward_matches() {
  for (const Shape& s : kShapes) {
    const Geometry g(s);
    const auto src = random_values<T>(g.src_size(), 1), w = random_values<T>(g.w_size(), 2);
    const auto bias = random_values<T>(static_cast<std::size_t>(s.groups * s.out_channels), 3);
    ConvArgs a = g.args<ConvArgs>();
    a.src = src.data(), a.w = w.data();
    expect_agreement<T>(conv, a, &ConvArgs::out, g.out_size(), name(s));
    expect_same_when_packed<T>(a, g.out_size(), name(s));
    a.bias = bias.data(), a.activation = Activation::relu;
    expect_agreement<T>(conv, a, &ConvArgs::out, g.out_size(), name(s) + " bias relu");
    const auto gate = testing::random_bits(g.out_size(), 6);
    const auto more = random_values<T>(g.out_size(), 7);
    a.residual = more.data();
    expect_agreement<T>(conv, a, &ConvArgs::out, g.out_size(), name(s) + " residual relu");
    a.gate = gate.data(), a.activation = Activation::none;
    expect_agreement<T>(conv, a, &ConvArgs::out, g.out_size(), name(s) + " residual gate");
  }
}

TEST_P(ConvIsa, ForwardMatchesReference) {
  expect_forward_matches<float>();
  expect_forward_matches<double>();
}

// Weights read with the roles of the channels exchanged and mirrored taps, outputs written with
// gaps: what a data gradient asks for.
template <class T>
void expect_phase_matches() {
  for (const Shape& s : kShapes) {
    Geometry g(s);
    std::reverse(g.tap_weight.begin(), g.tap_weight.end());
    ConvArgs a = g.args<ConvArgs>();
    a.w_in = a.taps * s.out_channels, a.w_out = a.taps;
    a.w_group = a.w_in * s.in_channels;
    a.out_base = 5;
    a.out_step = {g.grid[2] * g.grid[1] * 9, g.grid[2] * 6, 2};
    a.out_channel = a.out_step[0] * g.grid[0] + 7;
    a.out_batch = a.out_channel * s.groups * s.out_channels;
    const auto src = random_values<T>(g.src_size(), 4), w = random_values<T>(g.w_size(), 5);
    a.src = src.data(), a.w = w.data();
    const auto size = static_cast<std::size_t>(a.out_batch * s.batch + 16);
    expect_agreement<T>(conv, a, &ConvArgs::out, size, name(s));
    expect_same_when_packed<T>(a, size, name(s));
    const auto gate = testing::random_bits(size, 6);
    const auto more = random_values<T>(size, 7);
    a.gate = gate.data(), a.residual = more.data();
    expect_agreement<T>(conv, a, &ConvArgs::out, size, name(s) + " residual gate");
    a.gate = nullptr, a.activation = Activation::relu;
    expect_agreement<T>(conv, a, &ConvArgs::out, size, name(s) + " residual relu");
    a.residual = nullptr, a.activation = Activation::none;
    a.taps = 0;
    expect_agreement<T>(conv, a, &ConvArgs::out, size, name(s) + " no taps");
  }
}

TEST_P(ConvIsa, PhasesOfDataGradientMatchReference) {
  expect_phase_matches<float>();
  expect_phase_matches<double>();
}

template <class T>
void expect_weight_grad_matches() {
  for (const Shape& s : kShapes) {
    const Geometry g(s);
    const auto src = random_values<T>(g.src_size(), 6), out = random_values<T>(g.out_size(), 7);
    ConvWeightGradArgs a = g.args<ConvWeightGradArgs>();
    a.src = src.data(), a.out = out.data();
    expect_agreement<T>(conv_weight_grad, a, &ConvWeightGradArgs::w, g.w_size(), name(s));
    // Rows of the gradient with gaps between them.
    const std::int64_t points = a.out_channel;
    a.out_step = {4 * points, 2 * g.grid[2], 1};
    a.out_channel = a.out_step[0] * g.grid[0];
    a.out_batch = a.out_channel * s.groups * s.out_channels;
    const auto spread = random_values<T>(static_cast<std::size_t>(s.batch * a.out_batch), 10);
    a.out = spread.data();
    expect_agreement<T>(conv_weight_grad, a, &ConvWeightGradArgs::w, g.w_size(), name(s));
  }
}

TEST_P(ConvIsa, WeightGradientMatchesReference) {
  expect_weight_grad_matches<float>();
  expect_weight_grad_matches<double>();
}

// An image's output has the same bits alone as within a batch.
template <class T>
void expect_batch_has_no_effect() {
  for (const Shape& s : kShapes) {
    const Geometry g(s);
    const auto src = random_values<T>(g.src_size(), 8), w = random_values<T>(g.w_size(), 9);
    std::vector<T> whole(g.out_size()), one = whole;
    ConvArgs a = g.args<ConvArgs>();
    a.src = src.data(), a.w = w.data(), a.out = whole.data();
    run_units(conv, Backend::cpu, dtype_of<T>(), a);
    a.batch = 1;
    for (std::int64_t n = 0; n < s.batch; ++n) {
      a.src = src.data() + n * a.src_batch;
      a.out = one.data() + n * a.out_batch;
      run_units(conv, Backend::cpu, dtype_of<T>(), a);
    }
    ASSERT_EQ(kernels::testing::compare_bytes(whole.data(), one.data(), whole.size() * sizeof(T)),
              0)
        << name(s);
  }
}

TEST_P(ConvIsa, ImagesDoNotDependOnTheBatch) {
  expect_batch_has_no_effect<float>();
  expect_batch_has_no_effect<double>();
}

INSTANTIATE_TEST_SUITE_P(Isa, ConvIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
