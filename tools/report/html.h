// SPDX-License-Identifier: Apache-2.0
// A report as one HTML file without anything from elsewhere: opens offline, in light and dark, on
// paper too.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tensor.h"
#include "tools/session.h"
#include "tools/table.h"

namespace ingrad::tools {

// Text for HTML: & < > " ' are written as entities.
std::string escaped(std::string_view text);
// <img> with the picture (u8 [height, width, 3]) inside, as PNG; pixels stay sharp when enlarged.
// `width`: on the page, in CSS pixels; 0: that of the cell around it.
std::string image_tag(const Tensor& picture, std::string_view alt, int width = 0);

class HtmlPage {
 public:
  // `lead`: HTML, a sentence or two below the title.
  HtmlPage(std::string title, std::string lead);

  // Arguments called `html` are inserted as they are; texts are escaped.
  void add(std::string_view html) { body_ += html; }
  void heading(std::string_view text);
  void paragraph(std::string_view html);
  // Large figures in a row: {figure, what it is}. The kind colours it: "standard", "robust" or "".
  struct Card {
    std::string figure, label, kind = {};
  };
  void cards(const std::vector<Card>& cards);
  // Right-aligned columns become numbers. `caption` is HTML.
  void table(const Table& table, std::string_view caption = {});
  // Rows of cells that hold pictures or text (HTML); `header`: one cell per column; the first cell
  // of each row is its title. Scrolls sideways where the window is too narrow.
  void gallery(const std::vector<std::string>& header,
               const std::vector<std::vector<std::string>>& rows, std::string_view caption = {});
  void figure(std::string_view html, std::string_view caption);
  // The colours of heat maps and what they mean.
  void legend(std::string_view negative, std::string_view positive, std::string_view note);
  // Name and value pairs, as of Session::settings.
  void settings(const Json& values);

  // The whole file; `footer` is text.
  std::string str(std::string_view footer) const;

 private:
  std::string title_, lead_, body_;
};

}  // namespace ingrad::tools
