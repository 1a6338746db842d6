// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "models/module.h"

namespace ingrad {

struct EmbeddingOptions {
  // Initially zero and without a gradient; negative values count from the end.
  std::optional<std::int64_t> padding_idx = {};
  DType dtype = DType::f32;
  Initializer initial_weight = {};  // default: init::normal(0, 1), as in PyTorch
};

// Indices [...] (i64, i32) to rows of the table [..., width]. Parameter: weight [rows, width].
class Embedding : public Module {
 public:
  Embedding(std::int64_t rows, std::int64_t width, const EmbeddingOptions& options = {},
            Location where = Location::current());
  std::string describe() const override;

  const Tensor& weight() const { return weight_; }

 private:
  Tensor forward(const Tensor& index, Pass& pass) const override;
  std::optional<std::int64_t> padding_idx_;
  Tensor weight_;
};

}  // namespace ingrad
