// SPDX-License-Identifier: Apache-2.0
// The passes of the plan compiler: programs in, better programs out. Each leaves the outputs what
// they were, to the last bit where its description does not say otherwise.
#pragma once

#include <span>
#include <string_view>

#include "engine/program.h"

namespace ingrad {

// Calls whose inputs are all constants become constants.
void freeze(Program& program);
// Calls that no output depends on are dropped, with constants that nothing reads.
void remove_dead_code(Program& program);
// Batch norm with given statistics becomes part of the convolution or linear map before it, in both
// directions. Rounds differently.
void fold_batch_norm(Program& program);
// A gradient that starts from one element per row, times a matrix, is a gather of rows of that
// matrix. Rounds alike.
void gather_one_hot(Program& program);
// Bias, ReLU and its gradient become part of the matrix product or convolution before them.
void fuse_epilogues(Program& program);

struct NamedPass {
  std::string_view name;
  void (*run)(Program&);
};
// In order.
std::span<const NamedPass> passes();

}  // namespace ingrad
