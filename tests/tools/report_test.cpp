// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/error.h"
#include "tools/report/base64.h"
#include "tools/report/chart.h"
#include "tools/report/colour_map.h"
#include "tools/report/heat_map.h"
#include "tools/report/html.h"

namespace ingrad::tools {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string encoded(std::string_view text) {
  return base64({reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

std::vector<int> pixel(const Tensor& picture, std::int64_t y, std::int64_t x) {
  const auto* p = picture.data<std::uint8_t>() + (y * picture.dim(1) + x) * 3;
  return {p[0], p[1], p[2]};
}

std::vector<int> numbers(const Rgb& c) { return {c[0], c[1], c[2]}; }

// Rec. 709 luminance of an sRGB colour.
double luminance(const Rgb& c) {
  const auto linear = [](std::uint8_t v) {
    const double x = v / 255.0;
    return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
}

// RFC 4648, section 10.
TEST(Base64Test, PublishedVectors) {
  const char* texts[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
  const char* codes[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (int i = 0; i < 7; ++i) EXPECT_EQ(encoded(texts[i]), codes[i]);
  EXPECT_EQ(encoded("\xff\xfe\xfd"), "//79");
}

TEST(ColourMapTest, WhiteInTheMiddleAndEquallyStrongOnBothSides) {
  const Rgb zero = diverging_colour(0);
  EXPECT_GT(zero[0], 245);
  EXPECT_EQ(zero[0], zero[1]);
  EXPECT_EQ(zero[1], zero[2]);
  const Rgb blue = diverging_colour(-1), red = diverging_colour(1);
  EXPECT_GT(blue[2], blue[0] + 80);
  EXPECT_GT(red[0], red[2] + 80);
  double last = 2;
  for (int i = 0; i <= 100; ++i) {
    const double v = i / 100.0;
    const double l = luminance(diverging_colour(v));
    EXPECT_LT(l, last);
    last = l;
    // Oklab's lightness is that of the eye; luminance agrees with it up to the colour's strength.
    EXPECT_NEAR(std::cbrt(l), std::cbrt(luminance(diverging_colour(-v))), 0.06) << v;
  }
  EXPECT_EQ(diverging_colour(7), red);
  EXPECT_EQ(diverging_colour(-std::numeric_limits<double>::infinity()), blue);
  EXPECT_EQ(diverging_colour(kNaN), (Rgb{150, 150, 150}));
}

TEST(HeatMapTest, PicturesOfSamples) {
  const Tensor grey = picture_of(Tensor::from({0.0F, 0.5F, 1.0F, 2.0F}, {1, 2, 2}));
  EXPECT_EQ(grey.shape(), (Shape{2, 2, 3}));
  EXPECT_EQ(pixel(grey, 0, 1), (std::vector<int>{128, 128, 128}));
  EXPECT_EQ(pixel(grey, 1, 1), (std::vector<int>{255, 255, 255}));
  const Tensor rgb = picture_of(Tensor::from({1.0F, 0.2F, 0.0F}, {3, 1, 1}));
  EXPECT_EQ(pixel(rgb, 0, 0), (std::vector<int>{255, 51, 0}));
  EXPECT_THROW(picture_of(Tensor::zeros({2, 2})), Error);
}

TEST(HeatMapTest, ScaledByAPercentileOfTheChannelSum) {
  // Channel sums -1, 2, 3, -100.
  const Tensor a = Tensor::from({-2.0F, 1.0F, 3.0F, -50.0F, 1.0F, 1.0F, 0.0F, -50.0F}, {2, 2, 2});
  const SignedMap map = signed_map(a, 75);
  EXPECT_EQ(map.scale, 3);
  EXPECT_EQ(map.values, (std::vector<double>{-1.0 / 3, 2.0 / 3, 1, -1}));
  EXPECT_EQ(signed_map(a, 100).scale, 100);
  // More than the percentile is zero: the largest value sets the scale.
  EXPECT_EQ(signed_map(Tensor::from({0.0F, 0.0F, 0.0F, 4.0F}, {1, 2, 2}), 50).scale, 4);
  const SignedMap zero = signed_map(Tensor::zeros({1, 2, 2}), 99);
  EXPECT_EQ(zero.values, std::vector<double>(4, 0.0));
  EXPECT_THROW(signed_map(a, 0), Error);
  EXPECT_THROW(signed_map(a, 101), Error);
  const Tensor colours = heat_map(map);
  EXPECT_EQ(pixel(colours, 1, 0), numbers(diverging_colour(1)));
  EXPECT_EQ(pixel(colours, 1, 1), numbers(diverging_colour(-1)));
}

TEST(HeatMapTest, OverlayShowsBoth) {
  const Tensor picture = picture_of(Tensor::from({0.0F, 1.0F, 0.0F, 1.0F}, {1, 2, 2}));
  const SignedMap map = signed_map(Tensor::from({0.0F, 0.0F, 1.0F, 1.0F}, {1, 2, 2}), 100);
  const Tensor both = overlay(picture, map);
  EXPECT_LT(pixel(both, 0, 0)[0], 170);  // black of the picture, pale
  EXPECT_EQ(pixel(both, 0, 1), numbers(diverging_colour(0)));
  EXPECT_EQ(pixel(both, 1, 1), numbers(diverging_colour(1)));
  EXPECT_LT(pixel(both, 1, 0)[0], pixel(both, 1, 1)[0]);
  EXPECT_THROW(overlay(picture_of(Tensor::zeros({1, 2, 3})), map), Error);
}

TEST(HeatMapTest, EnlargedAndJoined) {
  const Tensor p = picture_of(Tensor::from({0.0F, 1.0F}, {1, 1, 2}));
  const Tensor large = enlarged(p, 3);
  EXPECT_EQ(large.shape(), (Shape{3, 6, 3}));
  EXPECT_EQ(pixel(large, 2, 2)[0], 0);
  EXPECT_EQ(pixel(large, 0, 3)[0], 255);
  EXPECT_EQ(enlargement(28, 56, 224), 4);
  EXPECT_EQ(enlargement(28, 57, 224), 4);
  EXPECT_EQ(enlargement(500, 10, 224), 1);
  const Tensor row = side_by_side(std::vector<Tensor>{large, p}, 2);
  EXPECT_EQ(row.shape(), (Shape{3, 10, 3}));
  EXPECT_EQ(pixel(row, 1, 8)[0], 0);    // p, centred
  EXPECT_EQ(pixel(row, 0, 8)[0], 255);  // paper above it
  EXPECT_EQ(pixel(row, 1, 6)[0], 255);  // gap
  EXPECT_EQ(stacked(std::vector<Tensor>{large, p}, 2).shape(), (Shape{6, 6, 3}));
}

TEST(HtmlTest, IsSelfContainedAndEscaped) {
  HtmlPage page("A <b> & \"c\"", "lead");
  page.heading("<h>");
  page.settings({{"model", "<script>alert(1)</script>"}, {"steps", 50}, {"adaptive", true}});
  Table t({{"a<b", Align::left}, {"n", Align::right}});
  t.add({"<i>", "1"});
  page.table(t);
  page.gallery({"x"}, {{"row", image_tag(picture_of(Tensor::zeros({1, 4, 2})), "a \"b\"", 30)}});
  const std::string html = page.str("seed 1 & more");
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<i>"), std::string::npos);
  EXPECT_NE(html.find("<title>A &lt;b&gt; &amp; &quot;c&quot;</title>"), std::string::npos);
  EXPECT_NE(html.find("alt=\"a &quot;b&quot;\" style=\"width:30px;height:60px\""),
            std::string::npos);
  EXPECT_NE(html.find("seed 1 &amp; more"), std::string::npos);
  // Nothing is fetched from anywhere.
  for (const char* way : {"http://", "https://", "url(", "@import", "<link", "src=\"/"}) {
    EXPECT_EQ(html.find(way), std::string::npos) << way;
  }
}

TEST(ChartTest, DrawsWhatIsThere) {
  BarChart bars{{"gradient", "other"}, {{"standard", "standard", {0.5, kNaN}}}};
  bars.mark = 0.5;
  const std::string drawn = svg(bars);
  EXPECT_NE(drawn.find("50%"), std::string::npos);
  EXPECT_EQ(drawn.find("nan"), std::string::npos);
  bars.groups.pop_back();
  EXPECT_THROW(svg(bars), Error);
  const LineChart lines{"x", "y", {0, 0.5, 1}, {{"robust", "robust", {1, kNaN, 0}}}};
  EXPECT_NE(svg(lines).find("polyline"), std::string::npos);
  EXPECT_EQ(svg(lines).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace ingrad::tools
