// SPDX-License-Identifier: Apache-2.0
// From tables of text to numbers: categories one-hot, numbers standardised.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "engine/io/csv.h"

namespace ingrad {

// How a table is turned into features; learnt from the rows of one part (training), applied to all.
class TableEncoder {
 public:
  // `inputs`: the columns that become features; those also in `categorical` become one feature per
  // category (alphabetical; missing is a category of its own), the others one number each, missing
  // ones replaced by the mean. `standardize`: numbers become (x - mean) / deviation.
  // Error: a text that is no number in a numeric column; no rows.
  TableEncoder(const CsvTable& table, const std::vector<std::size_t>& inputs,
               const std::set<std::size_t>& categorical, const std::vector<std::int64_t>& rows,
               bool standardize, Location where = Location::current());

  const std::vector<std::string>& features() const { return features_; }
  // f32 [rows, features]. A category that the encoder has not seen is all zeros.
  Tensor encode(const CsvTable& table, const std::vector<std::int64_t>& rows,
                Location where = Location::current()) const;

 private:
  struct Column {
    std::size_t index;
    std::vector<std::string> categories;  // empty: numeric
    double mean = 0, deviation = 1;       // of the numbers; fill is what missing ones become
    double fill = 0;
  };
  std::vector<Column> columns_;
  std::vector<std::string> features_;
};

// i64 [rows]: the position of each row's text in `classes`; Error names the row of any other.
Tensor class_labels(const CsvTable& table, std::size_t column,
                    const std::vector<std::string>& classes, Location where = Location::current());

}  // namespace ingrad
