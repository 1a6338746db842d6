// SPDX-License-Identifier: Apache-2.0
#include "models/training/objective.h"

#include <fmt/format.h>

#include <vector>

#include "engine/ops/elementwise.h"
#include "engine/ops/losses.h"
#include "engine/ops/reduce.h"

namespace ingrad {
namespace {

// How many other classes come before the target when logits are sorted from the largest. A logit
// that is NaN comes before it, so that broken outputs are never right.
template <class T>
std::int64_t rank_of(const T* logits, std::int64_t classes, std::int64_t target) {
  const T own = logits[target];
  std::int64_t before = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    if (c == target) continue;
    before += !(logits[c] < own || (logits[c] == own && c > target));
  }
  return before;
}

Tensor classification_losses(const Tensor& outputs, const Tensor& targets, double smoothing) {
  if (outputs.rank() != 2 || targets.shape() != Shape{outputs.dim(0)}) {
    throw Error(
        fmt::format("classification: outputs {} and targets {}, expected [B, classes] and "
                    "[B]",
                    outputs.shape().str(), targets.shape().str()));
  }
  ClassLossOptions o;
  // No class stands for "none": every sample counts.
  o.ignore_index = std::numeric_limits<std::int64_t>::min();
  o.label_smoothing = smoothing;
  o.reduction = LossReduction::none;
  return cross_entropy(outputs, targets, o);
}

Tensor regression_losses(const Tensor& outputs, const Tensor& targets) {
  const Tensor squares = mse_loss(outputs, targets, LossReduction::none);
  std::vector<std::int64_t> axes;
  for (int axis = 1; axis < squares.rank(); ++axis) axes.push_back(axis);
  return axes.empty() ? squares : mean(squares, axes);
}

}  // namespace

std::string_view name_of(Task task) {
  return task == Task::classification ? "classification" : "regression";
}

RowLoss row_loss(Task task, double label_smoothing) {
  if (task == Task::regression) return regression_losses;
  return [label_smoothing](const Tensor& outputs, const Tensor& targets) {
    return classification_losses(outputs, targets, label_smoothing);
  };
}

void Score::add(Task task, const Tensor& outputs, const Tensor& targets, const Tensor& losses) {
  samples += losses.size();
  for (const double l : losses.to_vector<double>()) loss += l;
  if (task == Task::regression) return;
  constexpr std::int64_t kClassesForTop5 = 10;
  const std::int64_t classes = outputs.dim(1);
  const auto classes_wanted = targets.to_vector<std::int64_t>();
  const auto logits = outputs.to_vector<double>();
  if (correct < 0) correct = 0;
  if (correct_top5 < 0 && classes >= kClassesForTop5) correct_top5 = 0;
  for (std::size_t r = 0; r < classes_wanted.size(); ++r) {
    const double* row = logits.data() + r * static_cast<std::size_t>(classes);
    const std::int64_t rank = rank_of(row, classes, classes_wanted[r]);
    correct += rank == 0;
    if (correct_top5 >= 0) correct_top5 += rank < 5;
  }
}

Metrics Score::metrics() const {
  Metrics m;
  m.samples = samples;
  if (samples == 0) return m;
  const auto n = static_cast<double>(samples);
  m.loss = loss / n;
  if (correct >= 0) m.accuracy = static_cast<double>(correct) / n;
  if (correct_top5 >= 0) m.top5 = static_cast<double>(correct_top5) / n;
  return m;
}

}  // namespace ingrad
