// SPDX-License-Identifier: Apache-2.0
#include "tools/report/colour_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ingrad::tools {
namespace {

constexpr double kLightest = 0.985, kDarkest = 0.42;  // Oklab lightness at 0 and at +-1
constexpr double kChroma = 0.17;                      // at +-1, before it is fitted to the screen
constexpr double kBlueHue = 262, kRedHue = 25;        // degrees
constexpr Rgb kNoValue = {150, 150, 150};

// Linear sRGB of an Oklab colour.
std::array<double, 3> linear_rgb(double lightness, double a, double b) {
  const auto cube = [](double x) { return x * x * x; };
  const double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  const double m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  const double s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

std::uint8_t encoded(double linear) {
  const double c = std::clamp(linear, 0.0, 1.0);
  const double v = c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - 0.055;
  return static_cast<std::uint8_t>(std::lround(255 * v));
}

}  // namespace

Rgb diverging_colour(double value) {
  if (std::isnan(value)) return kNoValue;
  const double t = std::min(std::abs(value), 1.0);
  const double lightness = kLightest + (kDarkest - kLightest) * t;
  const double hue = (value < 0 ? kBlueHue : kRedHue) * std::numbers::pi / 180;
  // Chroma shrinks until the colour exists on the screen; lightness and hue stay.
  for (double chroma = kChroma * t;; chroma *= 0.98) {
    const auto rgb = linear_rgb(lightness, chroma * std::cos(hue), chroma * std::sin(hue));
    const auto fits = [](double c) { return c >= -1e-4 && c <= 1 + 1e-4; };
    if (chroma < 1e-3 || std::all_of(rgb.begin(), rgb.end(), fits)) {
      return {encoded(rgb[0]), encoded(rgb[1]), encoded(rgb[2])};
    }
  }
}

std::string diverging_css() {
  constexpr int kStops = 16;
  std::string css = "linear-gradient(to right";
  for (int i = 0; i <= kStops; ++i) {
    const Rgb c = diverging_colour(2.0 * i / kStops - 1);
    css += fmt::format(",#{:02x}{:02x}{:02x}", c[0], c[1], c[2]);
  }
  return css + ")";
}

}  // namespace ingrad::tools
