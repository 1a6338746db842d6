// SPDX-License-Identifier: Apache-2.0
#include "models/layers/embedding.h"

#include "engine/ops/index.h"
#include "engine/ops/slice.h"
#include "models/layers/text.h"

namespace ingrad {

Embedding::Embedding(std::int64_t rows, std::int64_t width, const EmbeddingOptions& o,
                     Location where)
    : padding_idx_(o.padding_idx) {
  if (rows < 1 || width < 1) {
    throw Error(
        fmt::format("Embedding: {} rows of width {}; expected at least one of each", rows, width),
        where);
  }
  if (padding_idx_ && (*padding_idx_ < -rows || *padding_idx_ >= rows)) {
    throw Error(fmt::format("Embedding: padding_idx {} for {} rows", *padding_idx_, rows), where);
  }
  Initializer initial = o.initial_weight ? o.initial_weight : init::normal();
  if (padding_idx_) {
    initial = [given = initial, row = *padding_idx_](const Shape& shape, const RandomKey& key,
                                                     DType dtype) {
      const Tensor t = given(shape, key, dtype);
      select(t, 0, row).assign(Tensor::zeros({shape[1]}, dtype));
      return t;
    };
  }
  weight_ = add_parameter("weight", Shape({rows, width}, where), o.dtype, initial, where);
}

std::string Embedding::describe() const {
  return fmt::format("Embedding({}, {}{}{})", weight_.dim(0), weight_.dim(1),
                     padding_idx_ ? fmt::format(", padding_idx={}", *padding_idx_) : "",
                     dtype_option(weight_.dtype()));
}

Tensor Embedding::forward(const Tensor& index, Pass& pass) const {
  return embedding(pass(weight_), index, padding_idx_);
}

}  // namespace ingrad
