// SPDX-License-Identifier: Apache-2.0
#include "tools/report/html.h"

#include <fmt/format.h>

#include "engine/io/png.h"
#include "tools/report/base64.h"
#include "tools/report/colour_map.h"
#include "tools/report/style.h"

namespace ingrad::tools {
namespace {

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.dump();
}

std::string caption_of(std::string_view html) {
  return html.empty() ? std::string() : fmt::format("<figcaption>{}</figcaption>", html);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string image_tag(const Tensor& picture, std::string_view alt, int width) {
  const std::string style =
      width > 0 ? fmt::format("width:{}px;height:{}px", width,
                              (width * picture.dim(0) + picture.dim(1) / 2) / picture.dim(1))
                : "width:100%";
  return fmt::format("<img alt=\"{}\" style=\"{}\" src=\"data:image/png;base64,{}\">", escaped(alt),
                     style, base64(format_png(picture)));
}

HtmlPage::HtmlPage(std::string title, std::string lead)
    : title_(std::move(title)), lead_(std::move(lead)) {}

void HtmlPage::heading(std::string_view text) {
  body_ += fmt::format("<h2>{}</h2>\n", escaped(text));
}

void HtmlPage::paragraph(std::string_view html) { body_ += fmt::format("<p>{}</p>\n", html); }

void HtmlPage::cards(const std::vector<Card>& cards) {
  body_ += "<div class=\"cards\">\n";
  for (const Card& c : cards) {
    body_ += fmt::format("<div class=\"card\"><b class=\"{}\">{}</b><span>{}</span></div>\n",
                         escaped(c.kind), escaped(c.figure), escaped(c.label));
  }
  body_ += "</div>\n";
}

void HtmlPage::table(const Table& table, std::string_view caption) {
  const auto cell = [&](const char* tag, std::size_t c, const std::string& text) {
    const bool number = table.columns()[c].align == Align::right;
    body_ +=
        fmt::format("<{0}{1}>{2}</{0}>", tag, number ? " class=\"number\"" : "", escaped(text));
  };
  body_ += "<figure><table>\n<thead><tr>";
  for (std::size_t c = 0; c < table.columns().size(); ++c) {
    cell("th", c, table.columns()[c].title);
  }
  body_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows()) {
    body_ += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) cell("td", c, row[c]);
    body_ += "</tr>\n";
  }
  body_ += fmt::format("</tbody></table>{}</figure>\n", caption_of(caption));
}

void HtmlPage::gallery(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows,
                       std::string_view caption) {
  body_ += "<figure><table class=\"gallery\">\n<thead><tr>";
  for (const std::string& h : header) body_ += fmt::format("<th>{}</th>", h);
  body_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    body_ += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      body_ += fmt::format("<{0}>{1}</{0}>", c == 0 ? "th" : "td", row[c]);
    }
    body_ += "</tr>\n";
  }
  body_ += fmt::format("</tbody></table>{}</figure>\n", caption_of(caption));
}

void HtmlPage::figure(std::string_view html, std::string_view caption) {
  body_ += fmt::format("<figure>{}{}</figure>\n", html, caption_of(caption));
}

void HtmlPage::legend(std::string_view negative, std::string_view positive, std::string_view note) {
  body_ += fmt::format(
      "<div class=\"legend\"><span>{}</span><i style=\"background:{}\"></i><span>{}</span>"
      "<span>{}</span></div>\n",
      escaped(negative), diverging_css(), escaped(positive), escaped(note));
}

void HtmlPage::settings(const Json& values) {
  body_ += "<figure><dl>\n";
  for (const auto& [name, value] : values.items()) {
    body_ +=
        fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(text_of(value)));
  }
  body_ += "</dl></figure>\n";
}

std::string HtmlPage::str(std::string_view footer) const {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{0}</title>\n"
      "<style>{1}</style>\n</head>\n<body><main>\n<h1>{0}</h1>\n<p class=\"lead\">{2}</p>\n"
      "{3}<footer>{4}</footer>\n</main></body>\n</html>\n",
      escaped(title_), kReportStyle, lead_, body_, escaped(footer));
}

}  // namespace ingrad::tools
