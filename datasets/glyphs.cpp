// SPDX-License-Identifier: Apache-2.0
#include "datasets/glyphs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "datasets/draws.h"
#include "datasets/glyph_strokes.h"
#include "engine/parallel.h"

namespace ingrad {
namespace {

constexpr int kSize = 28;
constexpr double kHeight = 20, kWidth = 15;  // of a digit at scale 1, in pixels
constexpr int kPieces = 6;                   // straight pieces of a curve between two points
// Pictures are far cheaper than the ranges that the engine splits work into expect.
constexpr std::int64_t kPictureCost = 20000;

// x' = xx x + xy y + x0, y' = yx x + yy y + y0.
struct Affine {
  double xx, xy, yx, yy, x0, y0;
  Point operator()(Point p) const { return {xx * p.x + xy * p.y + x0, yx * p.x + yy * p.y + y0}; }
};

Affine draw_affine(Draws& draws, const GlyphOptions& o) {
  constexpr double kPi = 3.14159265358979323846;
  const double angle = draws.uniform(-o.rotation, o.rotation) * kPi / 180;
  // sin and cos of angle + O(angle^5): an exact rotation by nearly that angle.
  const double t = angle / 2 * (1 + angle * angle / 12);
  const double cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
  const double width = kWidth * draws.uniform(o.min_scale, o.max_scale);
  const double height = kHeight * draws.uniform(o.min_scale, o.max_scale);
  const double shear = draws.uniform(-o.shear, o.shear);
  // Scale about the digit's middle, shear, rotate, shift.
  Affine a{cosine * width,
           (-cosine * shear - sine) * height,
           sine * width,
           (-sine * shear + cosine) * height,
           0,
           0};
  a.x0 = kSize / 2.0 + draws.uniform(-o.shift, o.shift) - 0.5 * (a.xx + a.xy);
  a.y0 = kSize / 2.0 + draws.uniform(-o.shift, o.shift) - 0.5 * (a.yx + a.yy);
  return a;
}

Point catmull_rom(Point a, Point b, Point c, Point d, double t) {
  const auto blend = [t](double p, double q, double r, double s) {
    return 0.5 *
           (2 * q + t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p))));
  };
  return {blend(a.x, b.x, c.x, d.x), blend(a.y, b.y, c.y, d.y)};
}

// The stroke as straight pieces.
void flatten(const Stroke& stroke, const std::vector<Point>& points, std::vector<Point>& line) {
  line.clear();
  if (!stroke.smooth) {
    line = points;
    return;
  }
  const int n = static_cast<int>(points.size());
  const auto at = [&](int i) {
    const int j = stroke.closed ? (i + n) % n : std::clamp(i, 0, n - 1);
    return points[static_cast<std::size_t>(j)];
  };
  for (int i = 0; i < (stroke.closed ? n : n - 1); ++i) {
    for (int piece = 0; piece < kPieces; ++piece) {
      line.push_back(catmull_rom(at(i - 1), at(i), at(i + 1), at(i + 2),
                                 static_cast<double>(piece) / kPieces));
    }
  }
  line.push_back(at(stroke.closed ? 0 : n - 1));
}

// A picture under the pen: each pixel holds how much of it the ink covers.
class Canvas {
 public:
  // Ink within `radius` of the segment; coverage falls from 1 to 0 over one pixel at the edge.
  void draw(Point a, Point b, double radius) {
    const double reach = radius + 0.5;
    const int left = first(std::min(a.x, b.x) - reach), right = last(std::max(a.x, b.x) + reach);
    const int top = first(std::min(a.y, b.y) - reach), bottom = last(std::max(a.y, b.y) + reach);
    const double dx = b.x - a.x, dy = b.y - a.y;
    const double length2 = std::max(dx * dx + dy * dy, 1e-12);
    for (int y = top; y <= bottom; ++y) {
      for (int x = left; x <= right; ++x) {
        const double px = x + 0.5 - a.x, py = y + 0.5 - a.y;
        const double along = std::clamp((px * dx + py * dy) / length2, 0.0, 1.0);
        const double ex = px - along * dx, ey = py - along * dy;
        const double distance2 = ex * ex + ey * ey;
        if (distance2 >= reach * reach) continue;
        float& pixel = pixels_[static_cast<std::size_t>(y * kSize + x)];
        const double coverage = std::min(reach - std::sqrt(distance2), 1.0);
        pixel = std::max(pixel, static_cast<float>(coverage));
      }
    }
  }
  void clear() { pixels_.fill(0); }
  const std::array<float, kSize * kSize>& pixels() const { return pixels_; }

 private:
  static int first(double v) { return static_cast<int>(std::clamp(v, 0.0, double{kSize})); }
  static int last(double v) { return static_cast<int>(std::clamp(v, -1.0, kSize - 1.0)); }

  std::array<float, kSize * kSize> pixels_{};
};

std::string stream(const GlyphOptions& o, const char* what) {
  return fmt::format("glyphs.{}.{}", name_of(o.split), what);
}

int digit_of(const GlyphOptions& o, const std::string& purpose, std::int64_t i) {
  const auto ten = Draws(o.seed, purpose, static_cast<std::uint64_t>(i / 10)).permutation(10);
  return static_cast<int>(ten[static_cast<std::size_t>(i % 10)]);
}

class Pen {
 public:
  explicit Pen(const GlyphOptions& o) : o_(o), purpose_(stream(o, "hand")) {}

  void write(int digit, std::int64_t i, std::uint8_t* to) {
    Draws draws(o_.seed, purpose_, static_cast<std::uint64_t>(i));
    const auto styles = styles_of(digit);
    const Style style = styles[draws.below(styles.size())];
    const Affine affine = draw_affine(draws, o_);
    const double radius = draws.uniform(o_.min_thickness, o_.max_thickness) / 2;
    const double ink = draws.uniform(0.75, 1.0);
    const double noise = draws.uniform(0, o_.noise);
    canvas_.clear();
    for (const Stroke& stroke : style) {
      points_.clear();
      for (const Point p : stroke.points) {
        const double x = draws.uniform(-o_.wobble, o_.wobble);
        const double y = draws.uniform(-o_.wobble, o_.wobble);
        points_.push_back(affine({p.x + x, p.y + y}));
      }
      flatten(stroke, points_, line_);
      for (std::size_t k = 1; k < line_.size(); ++k) canvas_.draw(line_[k - 1], line_[k], radius);
    }
    for (std::size_t p = 0; p < canvas_.pixels().size(); p += 2) {
      // The sum of two uniform bytes: a triangle about 0.
      const std::uint32_t word = draws.next_word();
      for (std::size_t k = 0; k < 2; ++k) {
        const int sum = static_cast<int>((word >> (16 * k)) & 0xff) +
                        static_cast<int>((word >> (16 * k + 8)) & 0xff) - 255;
        const double value =
            ink * static_cast<double>(canvas_.pixels()[p + k]) + noise * sum / 255.0;
        to[p + k] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 1.0) * 255 + 0.5);
      }
    }
  }

 private:
  const GlyphOptions& o_;
  std::string purpose_;
  Canvas canvas_;
  std::vector<Point> points_, line_;
};

void check_options(const GlyphOptions& o, Location where) {
  const auto fail = [&](const char* what, double value, const char* expected) {
    throw Error(fmt::format("glyphs: {} {}, expected {}", what, value, expected), where);
  };
  const auto need = [&](const char* what, double v, double most) {
    if (!(v >= 0 && v <= most)) fail(what, v, fmt::format("0 to {}", most).c_str());
  };
  if (o.count < 1 || o.count > 100'000'000) {
    fail("count", static_cast<double>(o.count), "1 to 100000000");
  }
  need("rotation", o.rotation, 60);
  need("shear", o.shear, 2);
  need("shift", o.shift, kSize);
  need("wobble", o.wobble, 1);
  need("noise", o.noise, 1);
  need("max_scale", o.max_scale, 4);
  need("min_scale", o.min_scale, o.max_scale);
  need("max_thickness", o.max_thickness, kSize);
  need("min_thickness", o.min_thickness, o.max_thickness);
}

}  // namespace

Dataset make_glyphs(const GlyphOptions& options, Location where) {
  check_options(options, where);
  Dataset d;
  d.name = fmt::format("glyphs {}", name_of(options.split));
  d.provenance = fmt::format("generated digits, seed {}, {} pictures", options.seed, options.count);
  d.inputs = Tensor::empty({options.count, 1, kSize, kSize}, DType::u8, where);
  d.labels = Tensor::empty({options.count}, DType::i64, where);
  for (int c = 0; c < 10; ++c) d.classes.push_back(std::to_string(c));
  struct Context {
    const GlyphOptions* options;
    std::uint8_t* pixels;
    std::int64_t* labels;
  };
  const Context context{&options, d.inputs.mutable_data<std::uint8_t>(),
                        d.labels.mutable_data<std::int64_t>()};
  parallel_ranges(
      options.count, options.count * kPictureCost, 0,
      [](const void* p, kernels::Range range) {
        const Context& c = *static_cast<const Context*>(p);
        const std::string classes = stream(*c.options, "class");
        Pen pen(*c.options);
        for (std::int64_t i = range.begin; i < range.end; ++i) {
          const int digit = digit_of(*c.options, classes, i);
          c.labels[i] = digit;
          pen.write(digit, i, c.pixels + i * kSize * kSize);
        }
      },
      &context);
  return d;
}

}  // namespace ingrad
