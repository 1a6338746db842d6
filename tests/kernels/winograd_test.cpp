// SPDX-License-Identifier: Apache-2.0
// Convolution by Winograd's method against the double-precision reference of the direct one.
#include "kernels/winograd.h"

#include <cmath>

#include "kernels/conv.h"
#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::difference;
using testing::random_values;
using testing::run_units;

struct Shape {
  std::int64_t batch, in_channels, out_channels, height, width, pad_y, pad_x;
};
const std::vector<Shape> kShapes = {
    {1, 1, 1, 4, 4, 1, 1},   {2, 3, 5, 8, 8, 1, 1},     {3, 16, 12, 13, 10, 1, 1},
    {2, 7, 49, 5, 37, 1, 1}, {1, 17, 100, 9, 66, 1, 1}, {17, 5, 6, 4, 4, 1, 1},
    {40, 4, 13, 3, 3, 1, 1}, {2, 390, 50, 6, 6, 1, 1},  {1, 800, 3, 4, 5, 1, 1},
    {2, 6, 7, 9, 12, 0, 0},  {2, 6, 7, 9, 12, 2, 2},    {2, 6, 7, 9, 12, 0, 2},
    {1, 3, 4, 1, 1, 1, 1},   {1, 3, 4, 3, 3, 0, 0},     {5, 2, 3, 1, 90, 1, 1},
    {0, 3, 4, 8, 8, 1, 1},
};

std::string name(const Shape& s) {
  return std::to_string(s.batch) + "x" + std::to_string(s.in_channels) + "->" +
         std::to_string(s.out_channels) + " " + std::to_string(s.height) + "x" +
         std::to_string(s.width) + " pad " + std::to_string(s.pad_y) + "," +
         std::to_string(s.pad_x);
}

struct Problem {
  Problem(const Shape& s, bool mirrored) {
    a.batch = s.batch, a.in_channels = s.in_channels, a.out_channels = s.out_channels;
    a.size = {s.height, s.width};
    a.grid = {s.height + 2 * s.pad_y - 2, s.width + 2 * s.pad_x - 2};
    a.pad = {s.pad_y, s.pad_x};
    const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    out_size = count(s.batch * s.out_channels * a.grid[0] * a.grid[1]);
    src = random_values<float>(count(s.batch * s.in_channels * s.height * s.width), 1);
    w = random_values<float>(count(9 * s.in_channels * s.out_channels), 2);
    bias = random_values<float>(count(s.out_channels), 3);
    residual = random_values<float>(out_size, 4);
    gate = testing::random_bits(out_size, 5);
    a.src = src.data();

    // The same convolution for the direct kernel.
    d.batch = s.batch, d.in_channels = s.in_channels, d.out_channels = s.out_channels;
    d.src = src.data(), d.w = w.data();
    d.size = {1, s.height, s.width}, d.grid = {1, a.grid[0], a.grid[1]}, d.step = {1, 1, 1};
    for (std::int64_t i = 0; i < 9; ++i) {
      offsets.insert(offsets.end(), {0, i / 3 - s.pad_y, i % 3 - s.pad_x});
      taps.push_back(mirrored ? 8 - i : i);
    }
    d.taps = 9, d.tap_offset = offsets.data(), d.tap_weight = taps.data();
    d.src_channel = s.height * s.width, d.src_batch = d.src_channel * s.in_channels;
    d.w_out = mirrored ? 9 : 9 * s.in_channels;
    d.w_in = mirrored ? 9 * s.out_channels : 9;
    d.out_channel = a.grid[0] * a.grid[1], d.out_batch = d.out_channel * s.out_channels;
    d.out_step = {d.out_channel, a.grid[1], 1};

    WinogradWeightsArgs ww{w.data(), nullptr, s.in_channels, s.out_channels,
                           d.w_in,   d.w_out, mirrored};
    packed.resize(count(winograd_weight_bytes(ww)) / 4 + 16);
    ww.packed = packed.data();
    testing::run_units(winograd_weights, Backend::cpu, DType::f32, ww, 1);
    a.weights = packed.data();
  }

  void expect_match(const std::string& what) {
    const std::vector<float> before(out_size, -77);
    std::vector<float> expected = before, got = before;
    d.bias = a.bias, d.residual = a.residual, d.gate = a.gate;
    d.activation = a.relu ? Activation::relu : Activation::none;
    d.out = expected.data();
    run_units(conv, Backend::reference, DType::f32, d);
    a.out = got.data();
    run_units(winograd, Backend::cpu, DType::f32, a);
    ASSERT_LE(difference(got, expected), 2e-5) << what;
    for (const std::int64_t step : {1, 3}) {
      std::vector<float> split = before;
      a.out = split.data();
      run_units(winograd, Backend::cpu, DType::f32, a, step);
      ASSERT_EQ(testing::compare_bytes(got.data(), split.data(), out_size * 4), 0) << what;
    }
  }

  WinogradArgs a;
  ConvArgs d;
  std::size_t out_size;
  std::vector<float> src, w, bias, residual, packed;
  std::vector<std::uint8_t> gate;
  std::vector<std::int64_t> offsets, taps;
};

using WinogradIsa = testing::EveryIsa;

TEST_P(WinogradIsa, MatchesDirectConvolution) {
  for (const Shape& s : kShapes) {
    for (const bool mirrored : {false, true}) {
      Problem p(s, mirrored);
      const std::string what = name(s) + (mirrored ? " mirrored" : "");
      p.expect_match(what);
      p.a.bias = p.bias.data(), p.a.relu = true;
      p.expect_match(what + " bias relu");
      p.a.residual = p.residual.data();
      p.expect_match(what + " residual");
      p.a.relu = false, p.a.gate = p.gate.data();
      p.expect_match(what + " gate");
    }
  }
}

TEST_P(WinogradIsa, ImagesDoNotDependOnTheBatch) {
  const Shape s{7, 9, 14, 6, 9, 1, 1};
  Problem p(s, false);
  std::vector<float> all(p.out_size);
  p.a.out = all.data();
  run_units(winograd, Backend::cpu, DType::f32, p.a);
  const auto in = static_cast<std::size_t>(s.in_channels * s.height * s.width);
  const std::size_t out = p.out_size / 7;
  p.a.batch = 1;
  for (std::size_t n = 0; n < 7; ++n) {
    std::vector<float> one(out);
    p.a.src = p.src.data() + n * in;
    p.a.out = one.data();
    run_units(winograd, Backend::cpu, DType::f32, p.a);
    EXPECT_EQ(testing::compare_bytes(one.data(), all.data() + n * out, out * 4), 0) << n;
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, WinogradIsa, ::testing::ValuesIn(testing::isa_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace ingrad::kernels
