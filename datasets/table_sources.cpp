// SPDX-License-Identifier: Apache-2.0
// Readers of the tables that have a name.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "datasets/data_folder.h"
#include "datasets/draws.h"
#include "datasets/sources.h"
#include "datasets/table.h"
#include "engine/io/gzip.h"

namespace ingrad {
namespace {

constexpr double kTrainShare = 0.8;

struct Parts {
  std::vector<std::int64_t> train, test;
};

Parts parts_of(std::size_t rows, std::uint64_t seed) {
  const auto order = Draws(seed, "table.split").permutation(static_cast<std::int64_t>(rows));
  const auto middle =
      order.begin() + static_cast<std::ptrdiff_t>(kTrainShare * static_cast<double>(rows));
  Parts parts{{order.begin(), middle}, {middle, order.end()}};
  std::sort(parts.train.begin(), parts.train.end());
  std::sort(parts.test.begin(), parts.test.end());
  return parts;
}

std::vector<std::int64_t> all_rows(const CsvTable& table) {
  std::vector<std::int64_t> rows(table.rows.size());
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

void need_columns(const CsvTable& table, std::size_t count, Location where) {
  if (table.columns.size() != count) {
    throw Error(
        fmt::format("{}: {} columns, expected {}", table.source, table.columns.size(), count),
        where);
  }
}

std::set<std::size_t> others(std::size_t count, const std::set<std::size_t>& numeric) {
  std::set<std::size_t> result;
  for (std::size_t i = 0; i < count; ++i) {
    if (!numeric.contains(i)) result.insert(i);
  }
  return result;
}

std::vector<std::size_t> first_columns(std::size_t count) {
  std::vector<std::size_t> columns(count);
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  return columns;
}

Tensor rows_of(const Tensor& labels, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> picked;
  for (const std::int64_t row : rows) picked.push_back(labels.data<std::int64_t>()[row]);
  return Tensor::from(picked, {static_cast<std::int64_t>(picked.size())});
}

}  // namespace

Dataset load_california(const DataSource& source, const std::string& data, Split split,
                        const DatasetOptions& options, Location where) {
  // StatLib's own file has no header line.
  std::string path = find_data_file(data, source.folders, "cal_housing.data");
  const bool bare =
      !path.empty() && find_data_file(data, source.folders, "cal_housing.csv").empty();
  if (!bare) path = source.need(data, "cal_housing.csv", where);
  CsvTable raw = read_csv(path, {.separator = ',', .header = !bare}, where);
  need_columns(raw, 9, where);
  if (bare) {
    raw.columns = {"longitude",   "latitude",       "housing_median_age",
                   "total_rooms", "total_bedrooms", "population",
                   "households",  "median_income",  "median_house_value"};
  }
  const auto column = [&](const char* name) { return raw.numbers(raw.column(name, where), where); };
  const auto ratio = [&](std::vector<double> a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!(b[i] > 0)) {
        throw Error(
            fmt::format("{}, row {}: {} households, expected more than 0", path, i + 1, b[i]),
            where);
      }
      a[i] /= b[i];
    }
    return a;
  };
  const std::vector<double> households = column("households");
  const std::vector<std::vector<double>> values = {column("median_income"),
                                                   column("housing_median_age"),
                                                   ratio(column("total_rooms"), households),
                                                   ratio(column("total_bedrooms"), households),
                                                   column("population"),
                                                   ratio(column("population"), households),
                                                   column("latitude"),
                                                   column("longitude")};
  const std::vector<double> target = column("median_house_value");
  Dataset d;
  d.features = {"MedInc",     "HouseAge", "AveRooms", "AveBedrms",
                "Population", "AveOccup", "Latitude", "Longitude"};
  d.provenance = path;
  const Parts parts = parts_of(target.size(), options.seed);
  const std::vector<std::int64_t>& rows = split == Split::train ? parts.train : parts.test;
  const auto n = static_cast<std::int64_t>(rows.size());
  const auto features = static_cast<std::int64_t>(values.size());
  d.inputs = Tensor::empty({n, features});
  d.labels = Tensor::empty({n, 1});
  for (std::int64_t f = 0; f < features; ++f) {
    const std::vector<double>& v = values[static_cast<std::size_t>(f)];
    double mean = 0, variance = 0;
    const auto train_count = static_cast<double>(std::max<std::size_t>(parts.train.size(), 1));
    for (const std::int64_t row : parts.train)
      mean += v[static_cast<std::size_t>(row)] / train_count;
    for (const std::int64_t row : parts.train) {
      const double difference = v[static_cast<std::size_t>(row)] - mean;
      variance += difference * difference / train_count;
    }
    const double center = options.standardize ? mean : 0;
    const double scale = options.standardize && variance > 0 ? 1 / std::sqrt(variance) : 1;
    for (std::int64_t i = 0; i < n; ++i) {
      const double value = v[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])];
      d.inputs.mutable_data<float>()[i * features + f] =
          static_cast<float>((value - center) * scale);
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = target[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])];
    d.labels.mutable_data<float>()[i] = static_cast<float>(value / 100000);
  }
  return d;
}

Dataset load_german(const DataSource& source, const std::string& data, Split split,
                    const DatasetOptions& options, Location where) {
  const std::string path = source.need(data, "german.data", where);
  CsvTable table = read_csv(path, {.separator = ' ', .header = false}, where);
  need_columns(table, 21, where);
  table.columns = {"checking",   "months",      "history", "purpose", "amount",    "savings",
                   "employment", "installment", "status",  "debtors", "residence", "property",
                   "age",        "plans",       "housing", "credits", "job",       "dependents",
                   "telephone",  "foreign",     "class"};
  const Tensor labels = class_labels(table, 20, {"1", "2"}, where);
  const Parts parts = parts_of(table.rows.size(), options.seed);
  const auto& rows = split == Split::train ? parts.train : parts.test;
  // The encoding is that of the whole table, so that it is the same for every split.
  const TableEncoder encoder(table, first_columns(20), others(20, {1, 4, 7, 10, 12, 15, 17}),
                             all_rows(table), options.standardize, where);
  Dataset d;
  d.inputs = encoder.encode(table, rows, where);
  d.labels = rows_of(labels, rows);
  d.classes = {"good", "bad"};
  d.features = encoder.features();
  d.provenance = path;
  return d;
}

Dataset load_adult(const DataSource& source, const std::string& data, Split split,
                   const DatasetOptions& options, Location where) {
  const CsvOptions csv{.separator = ',', .header = false, .missing = "?"};
  std::string path = find_data_file(data, source.folders, "adult.data");
  const std::string excerpt = find_data_file(data, source.folders, "adult.first8000.data");
  if (path.empty()) path = excerpt.empty() ? source.need(data, "adult.data", where) : excerpt;
  CsvTable table = read_csv(path, csv, where);
  need_columns(table, 15, where);
  table.columns = {"age",          "workclass",    "fnlwgt",       "education", "education-num",
                   "marital",      "occupation",   "relationship", "race",      "sex",
                   "capital-gain", "capital-loss", "hours",        "country",   "class"};
  const std::set<std::size_t> categorical = others(14, {0, 2, 4, 10, 11, 12});
  const std::vector<std::string> classes = {"<=50K", ">50K"};
  const std::string test_path =
      path == excerpt ? "" : find_data_file(data, source.folders, "adult.test");
  Parts parts = parts_of(table.rows.size(), options.seed);
  if (!test_path.empty()) parts = {all_rows(table), {}};
  const TableEncoder encoder(table, first_columns(14), categorical, parts.train,
                             options.standardize, where);
  Dataset d;
  d.classes = classes;
  d.features = encoder.features();
  d.provenance = path;
  if (split == Split::train || test_path.empty()) {
    const auto& rows = split == Split::train ? parts.train : parts.test;
    d.inputs = encoder.encode(table, rows, where);
    d.labels = rows_of(class_labels(table, 14, classes, where), rows);
    return d;
  }
  // The test file begins with a remark and ends its classes with a full stop.
  const std::vector<std::byte> bytes = read_maybe_gzip(test_path, kInflateLimit, where);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with('|')) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  CsvTable test = parse_csv(text, csv, test_path, where);
  need_columns(test, 15, where);
  test.columns = table.columns;
  for (auto& row : test.rows) {
    if (row[14].ends_with('.')) row[14].pop_back();
  }
  d.inputs = encoder.encode(test, all_rows(test), where);
  d.labels = class_labels(test, 14, classes, where);
  d.provenance = test_path;
  return d;
}

Dataset load_optdigits(const DataSource& source, const std::string& data, Split split,
                       const DatasetOptions&, Location where) {
  const std::string path =
      source.need(data, split == Split::train ? "optdigits.tra" : "optdigits.tes", where);
  const CsvTable table = read_csv(path, {.separator = ',', .header = false}, where);
  need_columns(table, 65, where);
  Dataset d;
  for (int c = 0; c < 10; ++c) d.classes.push_back(std::to_string(c));
  d.labels = class_labels(table, 64, d.classes, where);
  d.inputs = Tensor::empty({d.labels.dim(0), 1, 8, 8}, DType::f32, where);
  for (std::size_t pixel = 0; pixel < 64; ++pixel) {
    const std::vector<double> values = table.numbers(pixel, where);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!(values[i] >= 0 && values[i] <= 16)) {
        throw Error(fmt::format("{}, row {}: pixel {}, expected 0 to 16", path, i + 1, values[i]),
                    where);
      }
      d.inputs.mutable_data<float>()[i * 64 + pixel] = static_cast<float>(values[i] / 16);
    }
  }
  d.provenance = path;
  return d;
}

}  // namespace ingrad
