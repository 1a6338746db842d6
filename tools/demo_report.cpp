// SPDX-License-Identifier: Apache-2.0
#include "tools/demo_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "tools/report/chart.h"
#include "tools/report/heat_map.h"
#include "tools/report/html.h"

namespace ingrad::tools {
namespace {

constexpr double kPercentile = 99.5;  // of the magnitudes of a map: full colour
constexpr std::int64_t kShownImages = 12;
constexpr int kPictureWidth = 64;

std::string percent(double v) { return std::isnan(v) ? "-" : fmt::format("{:.1f}%", 100 * v); }

Tensor sample(const Tensor& batch, std::int64_t i) { return select(batch, 0, i); }

// Maps of both models next to the picture: rows are images.
void add_gallery(HtmlPage& page, const DemoResult& r) {
  const std::vector<std::string> shown = {"gradient", "smooth_grad", "integrated_gradients"};
  std::vector<std::string> header = {"", "image"};
  std::vector<const DemoRow*> rows;
  for (const DemoRow& row : r.rows) {
    if (std::find(shown.begin(), shown.end(), row.name) != shown.end()) rows.push_back(&row);
  }
  for (std::size_t m = 0; m < r.models.size(); ++m) {
    for (const DemoRow* row : rows) {
      header.push_back(fmt::format("<span class=\"{0}\">{0}</span><br>{1}",
                                   escaped(r.models[m].name), escaped(row->title)));
    }
  }
  std::vector<std::vector<std::string>> cells;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(kShownImages, r.images.dim(0)); ++i) {
    const auto label = r.labels[static_cast<std::size_t>(i)];
    std::vector<std::string> line = {
        fmt::format("digit {}", label),
        image_tag(picture_of(sample(r.images, i)), fmt::format("test image {}", i), kPictureWidth)};
    for (std::size_t m = 0; m < r.models.size(); ++m) {
      for (const DemoRow* row : rows) {
        const Attribution& a = row->explanations[m].result;
        const Tensor map = heat_map(signed_map(sample(a.values, i), kPercentile));
        line.push_back(fmt::format(
            "{}<small>{} in block</small>",
            image_tag(map, fmt::format("{} of the {} network", row->title, r.models[m].name),
                      kPictureWidth),
            percent(row->share[m].share[static_cast<std::size_t>(i)])));
      }
    }
    cells.push_back(std::move(line));
  }
  page.legend("speaks against", "speaks for the predicted class",
              fmt::format("full colour at the {}th percentile of each map", kPercentile));
  page.gallery(
      header, cells,
      "The first test images, not chosen. Below each map: the share of its magnitude in the "
      "half that holds the digit.");
}

void add_chart(HtmlPage& page, const DemoResult& r) {
  BarChart chart;
  for (const DemoModel& m : r.models) chart.series.push_back({m.name, m.name, {}});
  for (const DemoRow& row : r.rows) {
    chart.groups.push_back(row.title);
    for (std::size_t m = 0; m < r.models.size(); ++m) {
      chart.series[m].values.push_back(row.share[m].mean);
    }
  }
  chart.mark = 0.5;
  chart.mark_label = "share of the area";
  page.figure(svg(chart),
              fmt::format("Mean over {} test images of the share of |attribution| that lies in the "
                          "half with the digit.",
                          r.images.dim(0)));
}

}  // namespace

Table table_of(const DemoResult& r) {
  Table table({{"method"},
               {"images/s", Align::right},
               {"evaluations", Align::right},
               {"share standard", Align::right},
               {"share robust", Align::right},
               {"top 5% standard", Align::right},
               {"top 5% robust", Align::right},
               {"completeness error", Align::right}});
  for (const DemoRow& row : r.rows) {
    double seconds = 0, evaluations = 0, error = 0;
    for (const Explanation& e : row.explanations) {
      seconds += e.result.seconds;
      evaluations += e.evaluations() / static_cast<double>(row.explanations.size());
      error = std::isnan(e.completeness_error()) ? e.completeness_error()
                                                 : std::max(error, e.completeness_error());
    }
    const double images =
        static_cast<double>(r.images.dim(0)) * static_cast<double>(row.explanations.size());
    table.add({row.title, fmt::format("{:.0f}", images / std::max(seconds, 1e-9)),
               fmt::format("{:.1f}", evaluations), percent(row.share[0].mean),
               percent(row.share[1].mean), percent(row.top_share[0].mean),
               percent(row.top_share[1].mean), error_text(error)});
  }
  return table;
}

Json json_of(const DemoResult& r) {
  Json models = Json::array(), rows = Json::array();
  for (const DemoModel& m : r.models) {
    models.push_back({{"name", m.name},
                      {"accuracy", m.accuracy},
                      {"accuracy_under_attack", m.robust_accuracy},
                      {"accuracy_without_null_block", m.accuracy_without_null}});
  }
  for (const DemoRow& row : r.rows) {
    Json entry = {{"name", row.name}};
    for (std::size_t m = 0; m < r.models.size(); ++m) {
      Json e = json_of(row.explanations[m]);
      e["share_in_signal_block"] = row.share[m].mean;
      e["undefined_shares"] = row.share[m].undefined;
      e["top_5_percent_in_signal_block"] = row.top_share[m].mean;
      entry[r.models[m].name] = std::move(e);
    }
    rows.push_back(std::move(entry));
  }
  return {{"source", r.source}, {"attack", r.attack}, {"models", models}, {"methods", rows}};
}

std::string demo_page(const DemoResult& r, const Session& session) {
  HtmlPage page(
      "Where do gradients point?",
      fmt::format(
          "Two networks read the digit in a picture of two blocks; the other block says "
          "nothing. How much of an explanation lies in the half with the digit? The <span "
          "class=\"robust\">robust</span> network was trained on adversarial examples ({}), "
          "the <span class=\"standard\">standard</span> one was not.",
          escaped(r.attack)));
  const DemoRow& gradient = r.rows.front();
  std::vector<HtmlPage::Card> cards;
  for (std::size_t m = 0; m < r.models.size(); ++m) {
    cards.push_back(
        {percent(gradient.share[m].mean),
         fmt::format("of the {} network's gradient lies in the digit's half", r.models[m].name),
         r.models[m].name});
  }
  for (const DemoModel& m : r.models) {
    cards.push_back(
        {percent(m.accuracy),
         fmt::format("accuracy of the {} network; {} under attack, {} without the null "
                     "block",
                     m.name, percent(m.robust_accuracy), percent(m.accuracy_without_null)),
         m.name});
  }
  page.cards(cards);
  page.heading("The same pictures through both networks");
  add_gallery(page, r);
  page.heading("How much of each explanation is where the evidence is");
  add_chart(page, r);
  page.table(
      table_of(r),
      "images/s and evaluations: both networks together. top 5%: of the largest magnitudes of "
      "a picture. completeness error: median of |sum of attributions - difference of outputs| "
      "/ |difference of outputs|, the larger one of both networks.");
  page.heading("Settings");
  Json settings = session.settings;
  settings["signal blocks from"] = r.source;
  page.settings(settings);
  page.paragraph(
      "BlockMNIST and the effect: Shah, Jain and Netrapalli, <i>Do Input Gradients "
      "Highlight Discriminative Features?</i>, NeurIPS 2021.");
  return page.str(session.provenance_line());
}

}  // namespace ingrad::tools
