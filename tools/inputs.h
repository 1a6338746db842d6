// SPDX-License-Identifier: Apache-2.0
// What a user wants explained: samples of a data set, pictures, arrays or tables of the user's own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace ingrad::tools {

struct Inputs {
  Tensor rows;                        // f32 [N, sample...]; pictures in [0, 1]
  std::vector<std::string> names;     // one per row
  std::vector<std::int64_t> labels;   // empty: not known
  std::vector<std::string> features;  // of tables; empty: not known
};

// PATH is a PNG or JPEG picture, a folder of them (in the order of their names), an NPY or NPZ
// array [N, sample...] or of one sample (u8 stands for value / 255 in pictures), or a table of
// numbers (CSV). Grey and colour pictures are converted to the channels of `sample`. Error: another
// size, a table with other columns, nothing to read.
Inputs read_inputs(const std::string& path, const Shape& sample, std::int64_t count = 0);

}  // namespace ingrad::tools
