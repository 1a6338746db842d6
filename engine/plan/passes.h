// SPDX-License-Identifier: Apache-2.0
// The passes of the plan compiler: programs in, better programs out. Each leaves the outputs what
// they were, to the last bit where its description does not say otherwise.
#pragma once

#include <span>
#include <string_view>

#include "engine/program.h"

namespace ingrad {

struct PassContext {
  // Rows of the program at hand and of the largest that the plan will run: what a pass decides must
  // not depend on the former, or results would.
  std::int64_t rows = 1, max_rows = 1;
  Device device = {};
};

// Names of intermediates are dropped: they stand between ops that belong together.
void drop_taps(Program& program, const PassContext& context);
// Where only some positions of a sequence are read, or differ from zero, the others are not
// computed. Rounds alike but in attention with a causal mask, whose sums get shorter.
void prune(Program& program, const PassContext& context);
// Calls whose inputs are all constants become constants.
void freeze(Program& program, const PassContext& context);
// Calls that no output depends on are dropped, with constants that nothing reads.
void remove_dead_code(Program& program, const PassContext& context);
// Batch norm with given statistics becomes part of the convolution or linear map before it, in both
// directions. Rounds differently.
void fold_batch_norm(Program& program, const PassContext& context);
// A gradient that starts from one element per row, times a matrix, is a gather of rows of that
// matrix. Rounds alike.
void gather_one_hot(Program& program, const PassContext& context);
// On a device, the gradient of one output per row of a small multilayer perceptron is one kernel.
// Rounds differently.
void fuse_mlp(Program& program, const PassContext& context);
// Bias, ReLU and its gradient become part of the matrix product or convolution before them.
void fuse_epilogues(Program& program, const PassContext& context);

// Max pooling over 2 x 2 windows keeps one byte per window for its gradient. Same bits, unless a
// gradient is a negative zero.
void use_pair_pools(Program& program, const PassContext& context);
// Convolutions of 3 x 3 taps and their data gradients by Winograd's method where it pays. Rounds
// differently, by about 1e-5 of the largest value.
void use_winograd(Program& program, const PassContext& context);
// Convolutions of few channels and their pooling with 16 images in the lanes of a vector. Same
// bits.
void use_lanes(Program& program, const PassContext& context);

struct NamedPass {
  std::string_view name;
  void (*run)(Program&, const PassContext&);
};
// In order.
std::span<const NamedPass> passes();

}  // namespace ingrad
