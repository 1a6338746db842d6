// SPDX-License-Identifier: Apache-2.0
// What a model is to an explainer, and which number of its output is explained.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

// Maps inputs [N, ...] to outputs [N, K], each row on its own: parameters frozen, inference mode.
using ModelFn = std::function<Tensor(const Tensor&)>;

// The scalar f of an output row z with target t. `prob` and `log_prob` mix in the other classes,
// and `prob` saturates; `logit` contains what is common to all classes.
enum class ScalarKind : std::uint8_t {
  logit,     // z_t
  log_prob,  // log softmax(z)_t
  prob,      // softmax(z)_t
  margin,    // z_t - max over j != t of z_j
  contrast,  // z_t - z_c, c the contrast class
  loss,      // cross entropy: -log softmax(z)_t
};
std::string_view name_of(ScalarKind kind);
// Error with the known names.
ScalarKind scalar_kind_from_name(std::string_view name, Location where = Location::current());

// Which output each sample is explained for.
struct Target {
  enum class Kind : std::uint8_t { predicted, given, only, several };
  Kind kind = Kind::predicted;
  // `given`: one for all samples, or one per sample; `several`: each of them for every sample.
  std::vector<std::int64_t> classes = {};

  // The class with the largest output at the unperturbed input (the first one at ties).
  static Target predicted() { return {}; }
  static Target one(std::int64_t c) { return {Kind::given, {c}}; }
  static Target per_sample(std::vector<std::int64_t> c) { return {Kind::given, std::move(c)}; }
  // Each of these classes for every sample: results get an axis for them behind that of samples.
  // Classes share forward passes wherever a method makes the same rows for them.
  static Target several(std::vector<std::int64_t> c) { return {Kind::several, std::move(c)}; }
  // Models of one output per row.
  static Target only_output() { return {Kind::only, {}}; }
};

// One class per row of `outputs` [N, K]; for `several`, all of them for each row. Error names row,
// class and K when one is out of range, and both numbers when there are neither one nor N of them.
std::vector<std::int64_t> resolve_targets(const Target& target, const Tensor& outputs,
                                          Location where = Location::current());

// f per row: [N]. `targets`, and `contrast` for that kind only: a class per row, i64 [N, 1].
Tensor scalar_of(const Tensor& outputs, const Tensor& targets, ScalarKind kind,
                 const Tensor& contrast = {}, Location where = Location::current());
Tensor scalar_of(const Tensor& outputs, const std::vector<std::int64_t>& targets, ScalarKind kind,
                 const std::vector<std::int64_t>& contrast = {},
                 Location where = Location::current());
// Classes as such a column.
Tensor class_column(const std::vector<std::int64_t>& classes);

}  // namespace ingrad
