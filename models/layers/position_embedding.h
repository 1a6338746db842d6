// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/module.h"

namespace ingrad {

struct PositionEmbeddingOptions {
  DType dtype = DType::f32;
  Initializer initial_weight = {};  // default: init::normal(0, 0.02)
};

// x [N, L, width] plus a learned vector for each position, L being at most `positions`. Parameter:
// weight [positions, width]. Error: more positions, or x of another width or dtype.
class PositionEmbedding : public Module {
 public:
  PositionEmbedding(std::int64_t positions, std::int64_t width,
                    const PositionEmbeddingOptions& options = {},
                    Location where = Location::current());
  std::string describe() const override;

 private:
  Tensor forward(const Tensor& x, Pass& pass) const override;
  Tensor weight_;
};

}  // namespace ingrad
