// SPDX-License-Identifier: Apache-2.0
// With images in lanes, kernels give the bits of those that take whole planes.
#include "kernels/image_lanes.h"

#include <cmath>

#include "kernels/sign_bits.h"
#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::random_values;
using testing::run_units;
using Axes = std::array<std::int64_t, 3>;
using LanesIsa = testing::EveryIsa;

constexpr std::int64_t kGroups = 2, kImages = kGroups * kImageLanes;

std::vector<float> turned(const std::vector<float>& from, std::int64_t points, bool inverse,
                          std::int64_t step = 0) {
  std::vector<float> to(from.size() + 1, -77);
  const ImageLanesArgs args{from.data(), to.data(), kGroups, points, inverse};
  run_units(image_lanes, Backend::cpu, DType::f32, args, step);
  EXPECT_EQ(to.back(), -77);
  to.pop_back();
  return to;
}

TEST_P(LanesIsa, ImagesGoIntoLanesAndBack) {
  for (const std::int64_t points : {0, 1, 3, 4, 17, 64, 65, 200}) {
    const auto images = random_values<float>(static_cast<std::size_t>(kImages * points), 1);
    const auto lanes = turned(images, points, false, 1);
    for (std::int64_t n = 0; n < kImages; ++n) {
      for (std::int64_t p = 0; p < points; ++p) {
        const std::int64_t at = (n / kImageLanes * points + p) * kImageLanes + n % kImageLanes;
        ASSERT_EQ(lanes[static_cast<std::size_t>(at)],
                  images[static_cast<std::size_t>(n * points + p)]);
      }
    }
    EXPECT_EQ(turned(lanes, points, true), images);
  }
}

std::vector<std::uint8_t> signs(const std::vector<float>& x) {
  const auto count = static_cast<std::int64_t>(x.size());
  std::vector<std::uint8_t> bits(static_cast<std::size_t>(sign_bits_bytes(count)), 77);
  const SignBitsArgs args{x.data(), bits.data(), count};
  run_units(sign_bits, Backend::cpu, DType::f32, args);
  return bits;
}

struct Shape {
  std::int64_t groups, in_channels, out_channels;  // channels per group
  Axes size, kernel, step, padding, dilation;
};
constexpr Axes kOnes = {1, 1, 1}, kNone = {0, 0, 0};
const std::vector<Shape> kShapes = {
    {1, 1, 6, {1, 28, 28}, {1, 5, 5}, kOnes, {0, 2, 2}, kOnes},
    {1, 6, 16, {1, 14, 14}, {1, 5, 5}, kOnes, kNone, kOnes},
    {1, 16, 6, {1, 10, 10}, {1, 5, 5}, kOnes, {0, 4, 4}, kOnes},  // two parts of a sum
    {1, 6, 1, {1, 28, 28}, {1, 5, 5}, kOnes, {0, 2, 2}, kOnes},
    {1, 16, 11, {1, 9, 7}, {1, 7, 7}, kOnes, {0, 3, 3}, kOnes},  // three
    {1, 3, 2, {1, 5, 13}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, kOnes},
    {1, 2, 5, {1, 12, 17}, {1, 3, 2}, {1, 3, 1}, {0, 4, 5}, {1, 2, 3}},
    {2, 3, 4, {1, 6, 19}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {9, 1, 1, {1, 10, 21}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
    {1, 3, 7, {3, 5, 4}, {2, 3, 3}, {1, 1, 1}, {1, 1, 1}, kOnes},
    {1, 4, 10, {1, 3, 3}, {1, 1, 1}, kOnes, kNone, kOnes},
    {1, 2, 3, {1, 2, 3}, {1, 1, 1}, kOnes, {0, 2, 2}, kOnes},
    {1, 0, 3, {1, 4, 4}, {1, 1, 1}, kOnes, kNone, kOnes},
    {1, 2, 0, {1, 4, 4}, {1, 3, 3}, kOnes, {0, 1, 1}, kOnes},
};

struct Problem {
  explicit Problem(const Shape& s) {
    for (std::size_t i = 0; i < 3; ++i) {
      a.grid[i] =
          (s.size[i] + 2 * s.padding[i] - s.dilation[i] * (s.kernel[i] - 1) - 1) / s.step[i] + 1;
    }
    for (std::int64_t z = 0; z < s.kernel[0]; ++z) {
      for (std::int64_t y = 0; y < s.kernel[1]; ++y) {
        for (std::int64_t x = 0; x < s.kernel[2]; ++x) {
          offsets.insert(offsets.end(),
                         {z * s.dilation[0] - s.padding[0], y * s.dilation[1] - s.padding[1],
                          x * s.dilation[2] - s.padding[2]});
          numbers.push_back(static_cast<std::int64_t>(numbers.size()));
        }
      }
    }
    a.batch = kImages;
    a.groups = s.groups;
    a.in_channels = s.in_channels;
    a.out_channels = s.out_channels;
    a.size = s.size;
    a.step = s.step;
    a.taps = static_cast<std::int64_t>(numbers.size());
    a.tap_offset = offsets.data();
    a.tap_weight = numbers.data();
    a.src_channel = s.size[0] * s.size[1] * s.size[2];
    a.src_batch = s.groups * s.in_channels * a.src_channel;
    a.w_in = a.taps;
    a.w_out = a.taps * s.in_channels;
    a.w_group = a.w_out * s.out_channels;
    a.out_channel = a.grid[0] * a.grid[1] * a.grid[2];
    a.out_batch = s.groups * s.out_channels * a.out_channel;
    a.out_step = {a.grid[1] * a.grid[2], a.grid[2], 1};
    source = random_values<float>(static_cast<std::size_t>(kImages * a.src_batch), 1);
    weights = random_values<float>(static_cast<std::size_t>(s.groups * a.w_group), 2);
    bias = random_values<float>(static_cast<std::size_t>(s.groups * s.out_channels), 3);
    residual = random_values<float>(static_cast<std::size_t>(kImages * a.out_batch), 4);
    gate = random_values<float>(static_cast<std::size_t>(kImages * a.out_batch), 5);
    a.w = weights.data();
  }

  // The result as images, with the given part of what may follow the sum.
  std::vector<float> run(bool lanes, int epilogue, std::int64_t step) {
    ConvArgs args = a;
    const auto layout = [&](const std::vector<float>& images, std::int64_t points) {
      return lanes ? turned(images, points, false) : images;
    };
    const auto src = layout(source, a.src_batch), extra = layout(residual, a.out_batch);
    const auto gates = signs(layout(gate, a.out_batch));
    std::vector<float> out(residual.size() + 1, -77);
    if (lanes) args.batch = kGroups;
    args.src = src.data();
    args.out = out.data();
    if (epilogue & 1) args.bias = bias.data();
    if (epilogue & 2) args.residual = extra.data();
    if (epilogue & 4) args.activation = Activation::relu;
    if (epilogue & 8) args.gate = gates.data();
    run_units(lanes ? lanes_conv : conv, Backend::cpu, DType::f32, args, step);
    EXPECT_EQ(out.back(), -77);
    out.pop_back();
    return lanes ? turned(out, a.out_batch, true) : out;
  }

  ConvArgs a;
  std::vector<std::int64_t> offsets, numbers;
  std::vector<float> source, weights, bias, residual, gate;
};

TEST_P(LanesIsa, ConvolutionHasTheBitsOfConv) {
  for (std::size_t s = 0; s < kShapes.size(); ++s) {
    Problem problem(kShapes[s]);
    for (const int epilogue : {0, 1, 5, 15}) {
      const auto expected = problem.run(false, epilogue, 0);
      EXPECT_EQ(problem.run(true, epilogue, 0), expected) << "shape " << s << ", " << epilogue;
      EXPECT_EQ(problem.run(true, epilogue, 1), expected) << "shape " << s << ", " << epilogue;
    }
  }
}

TEST_P(LanesIsa, PoolingHasTheBitsOfPairPool) {
  constexpr std::int64_t kPlanes = 3;
  for (const auto& [height, width] :
       {std::pair<std::int64_t, std::int64_t>{2, 2}, {5, 7}, {14, 14}, {1, 3}, {4, 33}}) {
    PairPoolArgs a;
    a.size = {height, width};
    a.grid = {height / 2, width / 2};
    const std::int64_t in = kPlanes * height * width, out = kPlanes * a.grid[0] * a.grid[1];
    auto images = random_values<float>(static_cast<std::size_t>(kImages * in), 1);
    for (std::size_t i = 0; i < images.size(); i += 5) images[i] = i % 2 ? NAN : 0.5f;
    const auto count = static_cast<std::size_t>(kImages * out);
    const auto dy = random_values<float>(count, 2);

    std::vector<float> values[2], dx[2];
    for (const bool lanes : {false, true}) {
      const auto x = lanes ? turned(images, in, false) : images;
      const auto g = lanes ? turned(dy, out, false) : dy;
      std::vector<float> v(count + 1, -77), d(images.size() + 1, -77);
      std::vector<std::uint8_t> codes(count + 1, 77);
      a.planes = (lanes ? kGroups : kImages) * kPlanes;
      a.x = x.data();
      a.values = v.data();
      a.codes = codes.data();
      a.gated = height % 2 == 0;
      run_units(lanes ? lanes_pair_pool : pair_pool, Backend::cpu, DType::f32, a, 2);
      EXPECT_EQ(codes.back(), 77);
      const PairPoolGradArgs grad{codes.data(), g.data(), d.data(), a.planes, a.size, a.grid};
      run_units(lanes ? lanes_pair_pool_grad : pair_pool_grad, Backend::cpu, DType::f32, grad, 2);
      EXPECT_EQ(v.back(), -77);
      EXPECT_EQ(d.back(), -77);
      v.pop_back(), d.pop_back();
      values[lanes] = lanes ? turned(v, out, true) : v;
      dx[lanes] = lanes ? turned(d, in, true) : d;
    }
    EXPECT_EQ(testing::compare_bytes(values[1].data(), values[0].data(), count * sizeof(float)), 0);
    EXPECT_EQ(dx[1], dx[0]);
  }
}

INSTANTIATE_TEST_SUITE_P(AllIsas, LanesIsa, ::testing::ValuesIn(testing::isa_names()));

}  // namespace
}  // namespace ingrad::kernels
