// SPDX-License-Identifier: Apache-2.0
#include "datasets/glyphs.h"

#include <limits>

#include "datasets/block_mnist.h"
#include "engine/parallel.h"
#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

using Pixels = std::vector<std::uint8_t>;

Pixels pixels_of(const Dataset& d) { return d.inputs.to_vector<std::uint8_t>(); }

TEST(GlyphsTest, DependOnSeedSplitAndIndexAlone) {
  const Dataset d = make_glyphs({.count = 200, .seed = 3});
  set_threads(1);
  const Dataset again = make_glyphs({.count = 200, .seed = 3});
  const Dataset fewer = make_glyphs({.count = 37, .seed = 3});
  set_threads(0);
  EXPECT_EQ(pixels_of(d), pixels_of(again));
  const Pixels all = pixels_of(d), some = pixels_of(fewer);
  EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
  EXPECT_NE(all, pixels_of(make_glyphs({.count = 200, .seed = 4})));
  EXPECT_NE(all, pixels_of(make_glyphs({.count = 200, .seed = 3, .split = Split::test})));
}

// The values themselves: they change only on purpose.
TEST(GlyphsTest, KnownPicture) {
  const Dataset d = make_glyphs({.count = 1000});
  std::uint64_t hash = 14695981039346656037u;
  for (const std::uint8_t v : pixels_of(d)) hash = (hash ^ v) * 1099511628211u;
  EXPECT_EQ(hash, 15814065949789482491u) << "FNV-1a of the first 1000 pictures";
}

TEST(GlyphsTest, BalancedClassesAndSensibleInk) {
  const Dataset d = checked(make_glyphs({.count = 5000}));
  EXPECT_EQ(d.inputs.shape(), (Shape{5000, 1, 28, 28}));
  EXPECT_EQ(class_counts(d), std::vector<std::int64_t>(10, 500));
  // Every picture has strokes, and none is mostly ink.
  for (std::int64_t i = 0; i < d.size(); ++i) {
    int white = 0;
    for (std::int64_t p = 0; p < 784; ++p)
      white += d.inputs.data<std::uint8_t>()[i * 784 + p] > 150;
    EXPECT_GE(white, 12) << i;
    EXPECT_LE(white, 350) << i;
  }
}

TEST(GlyphsTest, RefusesBadOptions) {
  expect_error([] { make_glyphs({.count = 0}); }, "count");
  expect_error([] { make_glyphs({.rotation = -1}); }, "rotation");
  expect_error([] { make_glyphs({.noise = std::numeric_limits<double>::quiet_NaN()}); }, "noise");
  expect_error([] { make_glyphs({.min_scale = 1, .max_scale = 0.5}); }, "min_scale");
  EXPECT_EQ(make_glyphs({.count = 5, .shift = 28}).size(), 5);  // digits that leave the picture
}

TEST(BlockMnistTest, SignalNullAndMask) {
  const Dataset source = make_glyphs({.count = 1000, .seed = 1});
  for (const auto layout :
       {BlockMnistOptions::Layout::vertical, BlockMnistOptions::Layout::horizontal}) {
    const bool vertical = layout == BlockMnistOptions::Layout::vertical;
    const BlockMnist b = make_block_mnist(source, {.layout = layout, .seed = 5});
    EXPECT_EQ(b.dataset.inputs.shape(),
              vertical ? (Shape{1000, 1, 56, 28}) : (Shape{1000, 1, 28, 56}));
    EXPECT_EQ(b.mask.spec(), (TensorSpec{b.dataset.inputs.shape(), DType::boolean, {}}));
    const auto* mask = static_cast<const std::uint8_t*>(b.mask.raw());
    const auto* picture = b.dataset.inputs.data<std::uint8_t>();
    const auto* digit = source.inputs.data<std::uint8_t>();
    std::int64_t second = 0;
    for (std::int64_t i = 0; i < 1000; ++i) {
      const std::int64_t half = b.position.data<std::int64_t>()[i];
      second += half;
      int null_white = 0;
      for (std::int64_t y = 0; y < (vertical ? 56 : 28); ++y) {
        for (std::int64_t x = 0; x < (vertical ? 28 : 56); ++x) {
          const std::int64_t at = i * 1568 + y * (vertical ? 28 : 56) + x;
          const bool in_signal = (vertical ? y / 28 : x / 28) == half;
          ASSERT_EQ(mask[at] != 0, in_signal);
          if (in_signal) {
            ASSERT_EQ(picture[at], digit[i * 784 + y % 28 * 28 + x % 28]);
          } else {
            ASSERT_TRUE(picture[at] == 0 || picture[at] == 255);
            null_white += picture[at] == 255;
          }
        }
      }
      ASSERT_EQ(null_white, 16 * 16 - 10 * 10);
    }
    // Fair coins: 500 +- 5 standard deviations.
    EXPECT_NEAR(static_cast<double>(second), 500, 80);
  }
}

TEST(BlockMnistTest, PositionIsIndependentOfTheNumberOfSamples) {
  const Dataset source = make_glyphs({.count = 100});
  const BlockMnist all = make_block_mnist(source, {.seed = 2});
  const BlockMnist some = make_block_mnist(first_rows(source, 30), {.seed = 2});
  for (std::int64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(all.position.data<std::int64_t>()[i], some.position.data<std::int64_t>()[i]);
  }
  const BlockMnist top = make_block_mnist(source, {.position = BlockMnistOptions::Position::first});
  EXPECT_EQ(top.position.to_vector<int>(), std::vector<int>(100, 0));
  const Dataset blanked = without_null_block(all);
  const BlockMnist blank =
      make_block_mnist(source, {.null_block = BlockMnistOptions::Null::blank, .seed = 2});
  EXPECT_EQ(pixels_of(blanked), pixels_of(blank.dataset));
  EXPECT_NE(pixels_of(blanked), pixels_of(all.dataset));
}

TEST(BlockMnistTest, RefusesOtherSources) {
  Dataset d = make_glyphs({.count = 3});
  d.inputs = float_inputs(d);
  expect_error([&] { make_block_mnist(d); }, "expected u8 [N, 1, 28, 28]");
  expect_error([] { make_block_mnist(Dataset{}); }, "undefined");
}

}  // namespace
}  // namespace ingrad
