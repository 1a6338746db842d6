// SPDX-License-Identifier: Apache-2.0
// BlockMNIST (Shah, Jain, Netrapalli, "Do Input Gradients Highlight Discriminative Features?",
// NeurIPS 2021): a digit beside a block that says nothing, so that for each picture it is known
// where the evidence for its class is.
#pragma once

#include <cstdint>
#include <string>

#include "datasets/dataset.h"

namespace ingrad {

struct BlockMnistOptions {
  enum class Layout { vertical, horizontal };  // [56, 28] or [28, 56]
  // Which half holds the digit: drawn for each picture with probability 1/2, independent of its
  // class; or always the first (top, left).
  enum class Position { random, first };
  // The other half: the outline of a square, a filled square, a cross, or nothing.
  enum class Null { hollow_square, square, cross, blank };

  Layout layout = Layout::vertical;
  Position position = Position::random;
  Null null_block = Null::hollow_square;
  std::uint64_t seed = 0;
};

struct BlockMnist {
  Dataset dataset;  // u8 [N, 1, 56, 28] or [N, 1, 28, 56], labels and classes of the source
  Tensor mask;      // bool, shape of the inputs: the signal block
  Tensor position;  // i64 [N]: 0 where the digit is top or left, 1 where bottom or right
};

// `source`: u8 pictures [N, 1, 28, 28] with classes; Error otherwise. The position of sample i
// depends on (seed, i) alone.
BlockMnist make_block_mnist(const Dataset& source, const BlockMnistOptions& options = {},
                            Location where = Location::current());

// The same pictures with the null block made black: what a model loses by it shows how much it had
// relied on that block.
Dataset without_null_block(const BlockMnist& blocks);

}  // namespace ingrad
