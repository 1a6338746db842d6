// SPDX-License-Identifier: Apache-2.0
#include "models/layers/patch_embedding.h"

#include "engine/ops/concat.h"
#include "engine/ops/matmul.h"
#include "engine/ops/shape.h"
#include "models/layers/kernel_shape.h"
#include "models/layers/text.h"

namespace ingrad {

PatchEmbedding::PatchEmbedding(std::int64_t channels, std::int64_t patch, std::int64_t width,
                               const PatchEmbeddingOptions& o, Location where) {
  const Shape shape = kernel_shape("PatchEmbedding", width, channels, 1, IntList{patch}, 2, where);
  weight_ = add_parameter("weight", shape, o.dtype,
                          o.initial_weight ? o.initial_weight : init::default_weight(), where);
  bias_ = add_parameter("bias", {width}, o.dtype,
                        o.initial_bias ? o.initial_bias : init::default_bias(shape), where);
}

std::string PatchEmbedding::describe() const {
  return fmt::format("PatchEmbedding({}, patch={}, {}{})", weight_.dim(1), weight_.dim(2),
                     weight_.dim(0), dtype_option(weight_.dtype()));
}

Tensor PatchEmbedding::forward(const Tensor& x, Pass& pass) const {
  const std::int64_t channels = weight_.dim(1), p = weight_.dim(2);
  if (x.rank() != 4 || x.dim(1) != channels || x.dim(2) < 1 || x.dim(3) < 1 || x.dim(2) % p != 0 ||
      x.dim(3) % p != 0) {
    throw Error(fmt::format("input {}; expected [N, {}, H, W] with H and W multiples of {}",
                            x.spec().str(), channels, p));
  }
  // Patches do not overlap: a product of matrices does it.
  const std::int64_t rows = x.dim(2) / p, columns = x.dim(3) / p;
  const Tensor cut = reshape(x, {x.dim(0), channels, rows, p, columns, p});
  const Tensor patches =
      reshape(permute(cut, {0, 2, 4, 1, 3, 5}), {x.dim(0), rows * columns, channels * p * p});
  return linear(patches, reshape(pass(weight_), {weight_.dim(0), channels * p * p}), pass(bias_));
}

Tensor prepend_token(const Tensor& x, const Tensor& token, Location where) {
  if (x.rank() != 3 || token.shape() != Shape{1, 1, x.dim(2)}) {
    throw Error(fmt::format("prepend_token: tokens {} and {}; expected [N, L, width] and [1, 1, "
                            "width]",
                            x.spec().str(), token.spec().str()),
                where);
  }
  return concat({expand(token, {x.dim(0), 1, x.dim(2)}, where), x}, 1, where);
}

}  // namespace ingrad
