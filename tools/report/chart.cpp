// SPDX-License-Identifier: Apache-2.0
#include "tools/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "tools/report/html.h"

namespace ingrad::tools {
namespace {

constexpr double kWidth = 980;  // of both charts, in units of the drawing
constexpr double kTop = 34;     // room for the legend
constexpr double kLabels = 210, kRight = 60;
constexpr double kBar = 13, kBarGap = 3, kGroupGap = 15;
constexpr double kPlotHeight = 260, kLeft = 62, kBottom = 48;
constexpr int kTicks = 4;

std::string number(double v, bool percent) {
  return percent ? fmt::format("{:.0f}%", 100 * v) : fmt::format("{:.3g}", v);
}

std::string text(double x, double y, std::string_view anchor, std::string_view content,
                 std::string_view attributes = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y,
                     anchor, attributes, escaped(content));
}

std::string line(double x1, double y1, double x2, double y2, std::string_view cls) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2,
      y2, cls);
}

std::string legend(const std::vector<Series>& series, double x) {
  std::string out;
  for (const Series& s : series) {
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"5\" width=\"12\" height=\"12\" rx=\"3\" fill=\"var(--{})\"/>\n", x,
        escaped(s.kind));
    out += text(x + 18, 15.5, "start", s.name);
    x += 44 + 7.2 * static_cast<double>(s.name.size());
  }
  return out;
}

std::string document(double height, const std::string& content) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" "
      "role=\"img\">\n{}</svg>\n",
      kWidth, height, kWidth, content);
}

void require_values(const std::vector<Series>& series, std::size_t count) {
  for (const Series& s : series) {
    if (s.values.size() != count) {
      throw Error(fmt::format("chart: series '{}' has {} values, expected {}", s.name,
                              s.values.size(), count));
    }
  }
}

}  // namespace

std::string svg(const BarChart& chart) {
  require_values(chart.series, chart.groups.size());
  const auto n = static_cast<double>(chart.series.size());
  const double group = n * kBar + (n - 1) * kBarGap;
  const double height = kTop + static_cast<double>(chart.groups.size()) * (group + kGroupGap) + 22;
  const double bottom = height - 22;
  const double plot = kWidth - kLabels - kRight;
  const auto x_of = [&](double v) {
    return kLabels + plot * std::clamp(v / chart.maximum, 0.0, 1.0);
  };
  std::string out = legend(chart.series, kLabels);
  for (int i = 0; i <= kTicks; ++i) {
    const double v = chart.maximum * i / kTicks;
    out += line(x_of(v), kTop - 6, x_of(v), bottom, "grid");
    out += text(x_of(v), height - 5, "middle", number(v, chart.percent), "class=\"soft\"");
  }
  double y = kTop + kGroupGap / 2;
  for (std::size_t g = 0; g < chart.groups.size(); ++g) {
    out += text(kLabels - 14, y + group / 2 + 4.5, "end", chart.groups[g]);
    for (const Series& s : chart.series) {
      const double v = s.values[g];
      if (!std::isnan(v)) {
        out += fmt::format(
            "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.0f}\" rx=\"3\" "
            "fill=\"var(--{})\"/>\n",
            kLabels, y, std::max(x_of(v) - kLabels, 1.0), kBar, escaped(s.kind));
        out += text(x_of(v) + 7, y + kBar - 2.5, "start", number(v, chart.percent),
                    "class=\"soft\" style=\"font-size:11.5px\"");
      }
      y += kBar + kBarGap;
    }
    y += kGroupGap - kBarGap;
  }
  if (chart.mark >= 0) {
    out += line(x_of(chart.mark), kTop - 6, x_of(chart.mark), bottom, "mark");
    out += text(x_of(chart.mark), kTop - 12, "middle", chart.mark_label, "class=\"soft\"");
  }
  return document(height, out);
}

std::string svg(const LineChart& chart) {
  require_values(chart.series, chart.x.size());
  const double height = kTop + kPlotHeight + kBottom;
  const double bottom = kTop + kPlotHeight;
  if (chart.x.size() < 2) return document(height, legend(chart.series, kLeft));
  const double low = chart.x.front(), high = chart.x.back();
  const auto x_of = [&](double v) {
    return kLeft + (kWidth - kLeft - kRight) * (v - low) / (high - low);
  };
  const auto y_of = [&](double v) {
    const double t = (v - chart.y_minimum) / (chart.y_maximum - chart.y_minimum);
    return bottom - kPlotHeight * std::clamp(t, 0.0, 1.0);
  };
  std::string out = legend(chart.series, kLeft);
  for (int i = 0; i <= kTicks; ++i) {
    const double v = chart.y_minimum + (chart.y_maximum - chart.y_minimum) * i / kTicks;
    const double u = low + (high - low) * i / kTicks;
    out += line(kLeft, y_of(v), kWidth - kRight, y_of(v), "grid");
    out += text(kLeft - 10, y_of(v) + 4.5, "end", number(v, chart.percent), "class=\"soft\"");
    out += text(x_of(u), bottom + 19, "middle", number(u, chart.percent), "class=\"soft\"");
  }
  out += text((kLeft + kWidth - kRight) / 2, height - 6, "middle", chart.x_title, "class=\"soft\"");
  out += text(0, 0, "middle", chart.y_title,
              fmt::format("class=\"soft\" transform=\"translate(13 {:.0f}) rotate(-90)\"",
                          kTop + kPlotHeight / 2));
  for (const Series& s : chart.series) {
    std::string points;
    for (std::size_t i = 0; i < s.values.size(); ++i) {
      if (!std::isnan(s.values[i])) {
        points += fmt::format("{:.1f},{:.1f} ", x_of(chart.x[i]), y_of(s.values[i]));
      }
    }
    out += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"var(--{})\" stroke-width=\"2.4\" "
        "stroke-linejoin=\"round\"/>\n",
        points, escaped(s.kind));
  }
  return document(height, out);
}

}  // namespace ingrad::tools
