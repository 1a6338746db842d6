// SPDX-License-Identifier: Apache-2.0
// The header of an NPY file: a Python dictionary in text, {'descr': '<f4', 'fortran_order': False,
// 'shape': (3, 4), }.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ingrad {

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

// Exactly these three keys, each once, in any order; Error, naming `what`, otherwise.
NpyHeader parse_npy_header(std::string_view text, std::string_view what, Location where);

}  // namespace ingrad
