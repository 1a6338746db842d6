// SPDX-License-Identifier: Apache-2.0
// The layers of a model: intermediates that it names by taps (engine/differentiate.h), as functions
// made by as_function() do for every module. Their activations and gradients, row by row.
#pragma once

#include <string>
#include <vector>

#include "attribution/model.h"
#include "attribution/row_program.h"

namespace ingrad {

struct Layer {
  std::string name;
  Shape shape;  // of the activation of one row
};

// In order of computation, for inputs of this shape; layers without a row per row are left out.
std::vector<Layer> layers_of(const ModelFn& model, const Shape& row, Device device = {},
                             Location where = Location::current());
// Error with the nearest names.
Layer find_layer(const ModelFn& model, const Shape& row, const std::string& name,
                 Device device = {}, Location where = Location::current());

// Rows to the activations of a layer, flat: [N, size]. With Target::one(i) any explainer of inputs
// explains unit i: neuron gradients, neuron Integrated Gradients, and so on.
ModelFn layer_function(const ModelFn& model, const std::string& layer);

// The array of a row: activations of the layers, one after the other, [1, sizes], and with
// `gradient` df/d(activations) behind them, [2, sizes]; by one forward and backward pass.
RowProgram layers_program(const ModelFn& model, const Shape& row, const std::vector<Layer>& layers,
                          ScalarKind kind, bool gradient, std::int64_t classes,
                          Location where = Location::current());

}  // namespace ingrad
