// SPDX-License-Identifier: Apache-2.0
// A data set in memory: samples, what they are, and where they come from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

struct Dataset {
  std::string name;        // "mnist train"
  std::string provenance;  // files or generator with its settings
  // Pictures [N, channels, height, width], tables [N, features]. u8 stands for value / 255; f32 is
  // taken as it is.
  Tensor inputs;
  Tensor labels;                      // classes: i64 [N]; regression: f32 [N, 1]
  std::vector<std::string> classes;   // empty: regression
  std::vector<std::string> features;  // of tables

  std::int64_t size() const { return inputs.dim(0); }
  Shape sample_shape() const { return inputs.shape().without(0); }
  bool is_classification() const { return !classes.empty(); }
};

enum class Split { train, test };
std::string name_of(Split split);

// The data set itself, if it is sound: shapes and dtypes as above, labels below the number of
// classes, finite values. Error names the data set otherwise.
Dataset checked(Dataset dataset, Location where = Location::current());

// All inputs as f32; u8 becomes [0, 1].
Tensor float_inputs(const Dataset& dataset);

// Rows in the given order; Error on rows that do not exist.
Dataset select_rows(const Dataset& dataset, std::span<const std::int64_t> rows,
                    Location where = Location::current());
// The first `count` rows, or all if there are fewer.
Dataset first_rows(const Dataset& dataset, std::int64_t count);

// How many samples each class has.
std::vector<std::int64_t> class_counts(const Dataset& dataset);

// Two parts by a seeded shuffle, each in the original order; the first holds round(fraction N)
// samples. Stratified: so many of each class. Error: fraction outside [0, 1]; stratified
// regression.
std::pair<Dataset, Dataset> split_rows(const Dataset& dataset, double fraction, std::uint64_t seed,
                                       bool stratified = false,
                                       Location where = Location::current());

}  // namespace ingrad
