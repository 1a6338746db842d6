// SPDX-License-Identifier: Apache-2.0
// Charts as SVG, in the colours of the report's style sheet.
#pragma once

#include <string>
#include <vector>

namespace ingrad::tools {

// One value per group; drawn in the style's colour `kind`: "standard", "robust" or "other".
struct Series {
  std::string name, kind;
  std::vector<double> values;  // NaN: nothing is drawn
};

struct BarChart {
  std::vector<std::string> groups;
  std::vector<Series> series;
  double maximum = 1;   // of the axis, which starts at 0
  bool percent = true;  // 1 is written as 100%
  double mark = -1;     // a dashed line at this value, with mark_label; negative: none
  std::string mark_label = {};
};
// Horizontal bars, one group below the other. Error when numbers of groups and values differ.
std::string svg(const BarChart& chart);

struct LineChart {
  std::string x_title, y_title;
  std::vector<double> x;  // ascending
  std::vector<Series> series;
  double y_minimum = 0, y_maximum = 1;
  bool percent = true;  // both axes
};
std::string svg(const LineChart& chart);

}  // namespace ingrad::tools
