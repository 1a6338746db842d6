// SPDX-License-Identifier: Apache-2.0
// What decides the outcome of a training run, as text: kept in checkpoints and compared on
// resuming.
#pragma once

#include "models/training/checkpoint.h"
#include "models/training/trainer.h"

namespace ingrad {

// All of TrainOptions but the checkpoint's own options, the sizes of the data and the model.
Settings settings_of(const Module& model, const BatchSource& training,
                     const BatchSource* validation, const TrainOptions& options);

}  // namespace ingrad
