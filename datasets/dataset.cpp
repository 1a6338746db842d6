// SPDX-License-Identifier: Apache-2.0
#include "datasets/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "datasets/draws.h"

namespace ingrad {
namespace {

Tensor gather_rows(const Tensor& t, std::span<const std::int64_t> rows) {
  const Tensor result =
      Tensor::empty(t.shape().with(0, static_cast<std::int64_t>(rows.size())), t.dtype());
  const std::size_t bytes =
      t.dim(0) == 0 ? 0 : static_cast<std::size_t>(t.size() / t.dim(0)) * size_of(t.dtype());
  if (bytes == 0) return result;
  const auto* from = static_cast<const std::byte*>(t.raw());
  auto* to = static_cast<std::byte*>(result.mutable_raw());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(to + i * bytes, from + static_cast<std::size_t>(rows[i]) * bytes, bytes);
  }
  return result;
}

std::int64_t share(double fraction, std::size_t count) {
  return std::llround(fraction * static_cast<double>(count));
}

}  // namespace

std::string name_of(Split split) { return split == Split::train ? "train" : "test"; }

Dataset checked(Dataset d, Location where) {
  const auto fail = [&](const std::string& problem) {
    throw Error(fmt::format("data set '{}': {}", d.name, problem), where);
  };
  if (!d.inputs.defined() || !d.labels.defined()) fail("inputs or labels are missing");
  if (d.inputs.rank() < 2 || !d.inputs.is_contiguous() || !d.labels.is_contiguous() ||
      (d.inputs.dtype() != DType::u8 && d.inputs.dtype() != DType::f32)) {
    fail(fmt::format("inputs {}, expected u8 or f32 with at least 2 axes", d.inputs.spec().str()));
  }
  const Shape expected = d.is_classification() ? Shape{d.size()} : Shape{d.size(), 1};
  const DType dtype = d.is_classification() ? DType::i64 : DType::f32;
  if (d.labels.shape() != expected || d.labels.dtype() != dtype) {
    fail(fmt::format("labels {}, expected {}{} for inputs {}", d.labels.spec().str(),
                     name_of(dtype), expected.str(), d.inputs.spec().str()));
  }
  if (d.is_classification()) {
    const auto classes = static_cast<std::int64_t>(d.classes.size());
    for (std::int64_t i = 0; i < d.size(); ++i) {
      const std::int64_t label = d.labels.data<std::int64_t>()[i];
      if (label < 0 || label >= classes) {
        fail(fmt::format("label {} of sample {}, expected 0 to {}", label, i, classes - 1));
      }
    }
  }
  for (const Tensor& t : {d.inputs, d.labels}) {
    if (t.dtype() != DType::f32) continue;
    for (std::int64_t i = 0; i < t.size(); ++i) {
      if (!std::isfinite(t.data<float>()[i])) {
        fail(fmt::format("a value of sample {} is not finite", i / (t.size() / d.size())));
      }
    }
  }
  return d;
}

Tensor float_inputs(const Dataset& dataset) {
  if (dataset.inputs.dtype() == DType::f32) return dataset.inputs;
  const Tensor result = Tensor::empty(dataset.inputs.shape());
  const auto* from = dataset.inputs.data<std::uint8_t>();
  auto* to = result.mutable_data<float>();
  for (std::int64_t i = 0; i < result.size(); ++i) to[i] = static_cast<float>(from[i]) / 255.0f;
  return result;
}

Dataset select_rows(const Dataset& dataset, std::span<const std::int64_t> rows, Location where) {
  for (const std::int64_t row : rows) {
    if (row < 0 || row >= dataset.size()) {
      throw Error(fmt::format("data set '{}': no sample {}, there are {}", dataset.name, row,
                              dataset.size()),
                  where);
    }
  }
  Dataset result = dataset;
  result.inputs = gather_rows(dataset.inputs, rows);
  result.labels = gather_rows(dataset.labels, rows);
  return result;
}

Dataset first_rows(const Dataset& dataset, std::int64_t count) {
  if (count >= dataset.size()) return dataset;
  std::vector<std::int64_t> rows(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
  std::iota(rows.begin(), rows.end(), 0);
  return select_rows(dataset, rows);
}

std::vector<std::int64_t> class_counts(const Dataset& dataset) {
  std::vector<std::int64_t> counts(dataset.classes.size());
  if (!dataset.is_classification()) return counts;
  for (const std::int64_t label : dataset.labels.to_vector<std::int64_t>()) {
    ++counts[static_cast<std::size_t>(label)];
  }
  return counts;
}

std::pair<Dataset, Dataset> split_rows(const Dataset& dataset, double fraction, std::uint64_t seed,
                                       bool stratified, Location where) {
  if (!(fraction >= 0 && fraction <= 1)) {
    throw Error(fmt::format("split: fraction {}, expected 0 to 1", fraction), where);
  }
  if (stratified && !dataset.is_classification()) {
    throw Error(fmt::format("split: data set '{}' has no classes to stratify by", dataset.name),
                where);
  }
  const std::vector<std::int64_t> order = Draws(seed, "split").permutation(dataset.size());
  // One group of everything, or one per class.
  std::vector<std::vector<std::int64_t>> groups(stratified ? dataset.classes.size() : 1);
  for (const std::int64_t row : order) {
    const std::int64_t group = stratified ? dataset.labels.data<std::int64_t>()[row] : 0;
    groups[static_cast<std::size_t>(group)].push_back(row);
  }
  std::vector<std::int64_t> first, second;
  for (const auto& rows : groups) {
    const auto middle = rows.begin() + share(fraction, rows.size());
    first.insert(first.end(), rows.begin(), middle);
    second.insert(second.end(), middle, rows.end());
  }
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  return {select_rows(dataset, first, where), select_rows(dataset, second, where)};
}

}  // namespace ingrad
