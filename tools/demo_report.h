// SPDX-License-Identifier: Apache-2.0
// What the demo found, as a table, as JSON and as a page.
#pragma once

#include <string>
#include <vector>

#include "attribution/evaluation/regions.h"
#include "tools/explanations.h"
#include "tools/table.h"

namespace ingrad::tools {

struct DemoModel {
  std::string name;
  double accuracy = 0, robust_accuracy = 0, accuracy_without_null = 0;
};

// One method on both models, in the order of DemoResult::models.
struct DemoRow {
  std::string name, title;
  std::vector<Explanation> explanations;
  std::vector<RegionShare> share, top_share;
};

struct DemoResult {
  std::string source, attack;
  Tensor images;  // f32 [N, 1, 56, 28] in [0, 1]
  Tensor mask;    // bool, where the digit is
  std::vector<std::int64_t> labels;
  std::vector<DemoModel> models;
  std::vector<DemoRow> rows;
};

Table table_of(const DemoResult& r);
Json json_of(const DemoResult& r);
// The whole report, as HTML.
std::string demo_page(const DemoResult& r, const Session& session);

}  // namespace ingrad::tools
