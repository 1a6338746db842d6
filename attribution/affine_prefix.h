// SPDX-License-Identifier: Apache-2.0
// Splitting a model after its affine beginning: flattening, normalisation and a first linear layer.
// Along a straight path that part is the line between its values at the ends, and what it does to
// gradients it does to their sum: a method on paths needs it once per sample, not once per step.
#pragma once

#include <optional>

#include "attribution/model.h"

namespace ingrad {

// model(x) = rest(prefix(x)), row by row, where prefix is affine.
struct AffinePrefix {
  ModelFn prefix, rest;
  Shape row_shape;  // of prefix(x) for one sample
};

// The longest such beginning that ends with a matrix product or a convolution and whose values are
// no larger than the input, so that less has to be interpolated. None where the model has no such
// beginning, or looks at values as it goes. `device`: where the model is.
std::optional<AffinePrefix> affine_prefix(const ModelFn& model, const Shape& row_shape,
                                          Device device = {});

}  // namespace ingrad
