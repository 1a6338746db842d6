// SPDX-License-Identifier: Apache-2.0
// ModelSpec: all that is needed to build a model again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/spec.h"

namespace ingrad {

struct ModelSpec {
  std::string text;          // "resnet18:stem=cifar"; see model_catalog
  Shape input;               // of one sample: [C, H, W], [features], [tokens] ...
  std::int64_t outputs = 1;  // classes, or numbers to predict
  DType dtype = DType::f32;  // of parameters and computations: f32 or f64
};

// Error, naming `model`, unless `input` is [C, H, W] with H and W at least `smallest`, and there is
// an output.
void check_image_model(std::string_view model, const Shape& input, std::int64_t outputs,
                       std::int64_t smallest, Location where);

}  // namespace ingrad
