// SPDX-License-Identifier: Apache-2.0
// What is minimised, and what is counted on the way.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "engine/tensor.h"
#include "models/training/adversarial.h"

namespace ingrad {

enum class Task : std::uint8_t {
  classification,  // cross entropy of logits [B, K] with classes i64 [B]
  regression,      // squared error, averaged over the elements of a row
};
std::string_view name_of(Task task);

// The loss of each row; smoothing (in [0, 1]) is for classes only. Error on shapes that do not fit.
RowLoss row_loss(Task task, double label_smoothing = 0);

// Means over samples; NaN where a number has no meaning.
struct Metrics {
  std::int64_t samples = 0;
  double loss = std::numeric_limits<double>::quiet_NaN();
  double accuracy = std::numeric_limits<double>::quiet_NaN();  // classes only, in [0, 1]
  double top5 = std::numeric_limits<double>::quiet_NaN();      // with at least ten classes
};

// Sums over batches, in double and in the order of the batches.
struct Score {
  std::int64_t samples = 0;
  double loss = 0;
  std::int64_t correct = -1, correct_top5 = -1;  // -1: not counted

  // `losses` [B] are those of row_loss. Among equal logits the first counts as the largest.
  void add(Task task, const Tensor& outputs, const Tensor& targets, const Tensor& losses);
  Metrics metrics() const;
};

}  // namespace ingrad
