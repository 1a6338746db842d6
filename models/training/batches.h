// SPDX-License-Identifier: Apache-2.0
// Where training and evaluation take their samples from: batches as a pure function of epoch and
// index, so that training can stop and continue anywhere.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/tensor.h"

namespace ingrad {

struct Batch {
  Tensor inputs;   // f32 or f64 [B, ...]
  Tensor targets;  // classes: i64 [B]; regression: the shape of the outputs
  Tensor samples;  // i64 [B], which samples they are; undefined: 0 ... B - 1
};

struct BatchSource {
  std::int64_t batches = 0;  // in every epoch
  std::int64_t samples = 0;  // in every epoch
  std::function<Batch(std::int64_t epoch, std::int64_t index)> batch;
};

}  // namespace ingrad
