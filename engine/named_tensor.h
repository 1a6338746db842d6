// SPDX-License-Identifier: Apache-2.0
// A tensor and what it is called: parameters, buffers, optimiser state, entries of a weights file.
#pragma once

#include <string>
#include <vector>

#include "engine/tensor.h"

namespace ingrad {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;

}  // namespace ingrad
