// SPDX-License-Identifier: Apache-2.0
#include "models/layers/position_embedding.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/slice.h"
#include "models/layers/text.h"

namespace ingrad {

PositionEmbedding::PositionEmbedding(std::int64_t positions, std::int64_t width,
                                     const PositionEmbeddingOptions& o, Location where) {
  if (positions < 1 || width < 1) {
    throw Error(fmt::format("PositionEmbedding: {} positions of width {}; expected at least one of "
                            "each",
                            positions, width),
                where);
  }
  weight_ = add_parameter("weight", Shape({positions, width}, where), o.dtype,
                          o.initial_weight ? o.initial_weight : init::normal(0, 0.02), where);
}

std::string PositionEmbedding::describe() const {
  return fmt::format("PositionEmbedding({}, {}{})", weight_.dim(0), weight_.dim(1),
                     dtype_option(weight_.dtype()));
}

Tensor PositionEmbedding::forward(const Tensor& x, Pass& pass) const {
  if (x.rank() != 3 || x.dim(2) != weight_.dim(1) || x.dtype() != weight_.dtype() ||
      x.dim(1) > weight_.dim(0)) {
    throw Error(fmt::format("input {}; expected {} [N, up to {} positions, {}]", x.spec().str(),
                            name_of(weight_.dtype()), weight_.dim(0), weight_.dim(1)));
  }
  const Tensor& w = pass(weight_);
  return x + (x.dim(1) == w.dim(0) ? w : narrow(w, 0, 0, x.dim(1)));
}

}  // namespace ingrad
