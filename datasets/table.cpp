// SPDX-License-Identifier: Apache-2.0
#include "datasets/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/io/byte_reader.h"

namespace ingrad {
namespace {

constexpr const char* kMissing = "?";

std::string category_of(const std::string& text) { return text.empty() ? kMissing : text; }

}  // namespace

TableEncoder::TableEncoder(const CsvTable& table, const std::vector<std::size_t>& inputs,
                           const std::set<std::size_t>& categorical,
                           const std::vector<std::int64_t>& rows, bool standardize,
                           Location where) {
  if (rows.empty())
    throw Error(fmt::format("{}: no rows to learn an encoding from", table.source), where);
  for (const std::size_t index : inputs) {
    Column column{index, {}, 0, 1, 0};
    const std::string& name = table.columns[index];
    if (categorical.contains(index)) {
      std::set<std::string> seen;
      for (const std::int64_t row : rows) {
        seen.insert(category_of(table.rows[static_cast<std::size_t>(row)][index]));
      }
      column.categories.assign(seen.begin(), seen.end());
      for (const std::string& c : column.categories) features_.push_back(name + "=" + c);
    } else {
      const std::vector<double> values = table.numbers(index, where);
      double sum = 0, squares = 0, count = 0;
      for (const std::int64_t row : rows) {
        const double v = values[static_cast<std::size_t>(row)];
        if (std::isnan(v)) continue;
        sum += v;
        count += 1;
      }
      column.fill = count > 0 ? sum / count : 0;
      for (const std::int64_t row : rows) {
        const double v = values[static_cast<std::size_t>(row)];
        if (!std::isnan(v)) squares += (v - column.fill) * (v - column.fill);
      }
      if (standardize) {
        column.mean = column.fill;
        column.deviation = squares > 0 ? std::sqrt(squares / count) : 1;
      }
      features_.push_back(name);
    }
    columns_.push_back(std::move(column));
  }
}

Tensor TableEncoder::encode(const CsvTable& table, const std::vector<std::int64_t>& rows,
                            Location where) const {
  const auto width = static_cast<std::int64_t>(features_.size());
  const Tensor result =
      Tensor::zeros({static_cast<std::int64_t>(rows.size()), width}, DType::f32, where);
  std::int64_t first = 0;
  for (const Column& column : columns_) {
    const bool numeric = column.categories.empty();
    const std::vector<double> values =
        numeric ? table.numbers(column.index, where) : std::vector<double>();
    float* to = result.mutable_data<float>() + first;
    for (const std::int64_t r : rows) {
      const auto row = static_cast<std::size_t>(r);
      if (numeric) {
        const double v = std::isnan(values[row]) ? column.fill : values[row];
        *to = static_cast<float>((v - column.mean) / column.deviation);
      } else {
        const auto& c = column.categories;
        const std::string text = category_of(table.rows[row][column.index]);
        const auto it = std::lower_bound(c.begin(), c.end(), text);
        if (it != c.end() && *it == text) to[it - c.begin()] = 1;
      }
      to += width;
    }
    first += numeric ? 1 : static_cast<std::int64_t>(column.categories.size());
  }
  return result;
}

Tensor class_labels(const CsvTable& table, std::size_t column,
                    const std::vector<std::string>& classes, Location where) {
  std::vector<std::int64_t> labels;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& text = table.rows[i][column];
    const auto it = std::find(classes.begin(), classes.end(), text);
    if (it == classes.end()) {
      std::string names;
      for (const std::string& c : classes) names += (names.empty() ? "" : ", ") + c;
      throw Error(fmt::format("{}, row {}: class \"{}\", expected one of {}", table.source, i + 1,
                              printable(text), names),
                  where);
    }
    labels.push_back(it - classes.begin());
  }
  return Tensor::from(labels, {static_cast<std::int64_t>(labels.size())});
}

}  // namespace ingrad
