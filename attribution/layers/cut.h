// SPDX-License-Identifier: Apache-2.0
// A model cut at a layer, so that methods which change the layer compute only what comes after it.
#pragma once

#include "attribution/layers/layers.h"
#include "attribution/run.h"

namespace ingrad {

struct LayerCut {
  Layer layer;
  // Of a row at the cut: the activation of the layer, then what passes by it (residual paths).
  std::int64_t size = 0;
  ModelFn head;  // [N, row...] to [N, size]
  ModelFn tail;  // [N, size] to the outputs
};

// Error when there is no such layer, or something passes by that is not f32 with a row per row.
LayerCut cut_at(const ModelFn& model, const Shape& row, const std::string& layer,
                Device device = {}, Location where = Location::current());

// f of a row, and its values at the cut.
RowProgram head_program(const ModelFn& model, const LayerCut& cut, const Shape& row,
                        ScalarKind kind, Location where = Location::current());

// For rows at the cut, with the samples, classes and limits of the run, whose own pool gives back
// its working memory.
Pool tail_pool(ExplainRun& run, const LayerCut& cut, const ExplainOptions& options);

}  // namespace ingrad
