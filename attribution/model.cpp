// SPDX-License-Identifier: Apache-2.0
#include "attribution/model.h"

#include <fmt/format.h>

#include <limits>

#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/softmax.h"

namespace ingrad {
namespace {

constexpr std::string_view kNames[] = {"logit", "log_prob", "prob", "margin", "contrast", "loss"};

void require_matrix(const Tensor& outputs, Location where) {
  if (outputs.rank() != 2 || !is_floating(outputs.dtype())) {
    throw Error(fmt::format("explain: the model returned {}; expected floating [samples, outputs]",
                            outputs.spec().str()),
                where);
  }
}

Tensor picked(const Tensor& outputs, const Tensor& classes) {
  return reshape(gather(outputs, 1, classes), {outputs.dim(0)});
}

// The largest output of another class.
Tensor runner_up(const Tensor& outputs, const Tensor& targets) {
  const Tensor classes = reshape(Tensor::arange(outputs.dim(1)), {1, outputs.dim(1)});
  const Tensor is_target = eq(targets, classes);
  return amax(where(is_target, -std::numeric_limits<double>::infinity(), outputs), {1});
}

}  // namespace

std::string_view name_of(ScalarKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

ScalarKind scalar_kind_from_name(std::string_view name, Location where) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<ScalarKind>(i);
  }
  throw Error(fmt::format("scalar \"{}\" is unknown; expected logit, log_prob, prob, margin, "
                          "contrast or loss",
                          name),
              where);
}

std::vector<std::int64_t> resolve_targets(const Target& target, const Tensor& outputs,
                                          Location where) {
  require_matrix(outputs, where);
  const std::int64_t n = outputs.dim(0), k = outputs.dim(1);
  if (target.kind == Target::Kind::predicted) {
    return argmax(outputs, 1).to_vector<std::int64_t>();
  }
  if (target.kind == Target::Kind::only) {
    if (k != 1) {
      throw Error(fmt::format("explain: the model has {} outputs; say which one to explain", k),
                  where);
    }
    return std::vector<std::int64_t>(static_cast<std::size_t>(n), 0);
  }
  std::vector<std::int64_t> classes = target.classes;
  std::int64_t per_row = 1;
  if (target.kind == Target::Kind::several) {
    if (classes.empty()) throw Error("explain: an empty list of targets", where);
    per_row = static_cast<std::int64_t>(classes.size());
    for (std::int64_t r = 1; r < n; ++r) {
      classes.insert(classes.end(), target.classes.begin(), target.classes.end());
    }
  } else if (classes.size() == 1) {
    const std::int64_t one = classes[0];
    classes.assign(static_cast<std::size_t>(n), one);
  }
  if (static_cast<std::int64_t>(classes.size()) != n * per_row) {
    throw Error(fmt::format("explain: {} targets for {} samples; expected one or one per sample",
                            classes.size(), n),
                where);
  }
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] < 0 || classes[i] >= k) {
      throw Error(fmt::format("explain: target {} of sample {} is out of range; the model has {} "
                              "outputs",
                              classes[i], static_cast<std::int64_t>(i) / per_row, k),
                  where);
    }
  }
  return classes;
}

Tensor class_column(const std::vector<std::int64_t>& classes) {
  return Tensor::from<std::int64_t>(classes, Shape{static_cast<std::int64_t>(classes.size()), 1});
}

Tensor scalar_of(const Tensor& outputs, const std::vector<std::int64_t>& targets, ScalarKind kind,
                 const std::vector<std::int64_t>& contrast, Location where) {
  return scalar_of(outputs, class_column(targets), kind,
                   contrast.empty() ? Tensor() : class_column(contrast), where);
}

Tensor scalar_of(const Tensor& outputs, const Tensor& targets, ScalarKind kind,
                 const Tensor& contrast, Location where) {
  require_matrix(outputs, where);
  switch (kind) {
    case ScalarKind::logit: return picked(outputs, targets);
    case ScalarKind::log_prob: return picked(log_softmax(outputs, 1), targets);
    case ScalarKind::prob: return picked(softmax(outputs, 1), targets);
    case ScalarKind::margin: return picked(outputs, targets) - runner_up(outputs, targets);
    case ScalarKind::contrast:
      if (!contrast.defined() || contrast.shape() != targets.shape()) {
        throw Error("explain: the scalar \"contrast\" needs a contrast class", where);
      }
      return picked(outputs, targets) - picked(outputs, contrast);
    case ScalarKind::loss: return neg(picked(log_softmax(outputs, 1), targets));
  }
  return {};
}

}  // namespace ingrad
