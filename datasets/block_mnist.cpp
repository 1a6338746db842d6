// SPDX-License-Identifier: Apache-2.0
#include "datasets/block_mnist.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "datasets/draws.h"

namespace ingrad {
namespace {

constexpr int kBlock = 28;
// The null glyph: 16 pixels wide in the middle of its block, lines of 3 pixels.
constexpr int kOffset = 6, kWidth = 16, kLine = 3;

using Pixels = std::array<std::uint8_t, kBlock * kBlock>;

Pixels null_block(BlockMnistOptions::Null kind) {
  Pixels pixels{};
  for (int y = 0; y < kWidth; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const auto at_edge = [](int v) { return v < kLine || v >= kWidth - kLine; };
      const auto in_middle = [](int v) {
        return v >= (kWidth - kLine) / 2 && v < (kWidth + kLine) / 2;
      };
      bool white = false;
      switch (kind) {
        case BlockMnistOptions::Null::hollow_square: white = at_edge(x) || at_edge(y); break;
        case BlockMnistOptions::Null::square: white = true; break;
        case BlockMnistOptions::Null::cross: white = in_middle(x) || in_middle(y); break;
        case BlockMnistOptions::Null::blank: break;
      }
      if (white) pixels[static_cast<std::size_t>((y + kOffset) * kBlock + x + kOffset)] = 255;
    }
  }
  return pixels;
}

// Copies a block into one half of a picture.
void place(const std::uint8_t* block, std::uint8_t* picture, bool vertical, std::int64_t half) {
  const std::int64_t stride = vertical ? kBlock : 2 * kBlock;
  std::uint8_t* to = picture + half * (vertical ? kBlock * kBlock : kBlock);
  for (int y = 0; y < kBlock; ++y) {
    std::memcpy(to + y * stride, block + y * kBlock, kBlock);
  }
}

}  // namespace

BlockMnist make_block_mnist(const Dataset& source, const BlockMnistOptions& options,
                            Location where) {
  const Tensor& digits = source.inputs;
  if (!digits.defined() || digits.dtype() != DType::u8 || digits.rank() != 4 ||
      source.sample_shape() != Shape{1, kBlock, kBlock} || !source.is_classification() ||
      !digits.is_contiguous()) {
    throw Error(fmt::format("block_mnist: data set '{}' has inputs {}, expected u8 [N, 1, 28, 28] "
                            "with classes",
                            source.name, digits.defined() ? digits.spec().str() : "undefined"),
                where);
  }
  const bool vertical = options.layout == BlockMnistOptions::Layout::vertical;
  const std::int64_t n = digits.dim(0), pixels = 2 * kBlock * kBlock;
  const Shape shape = vertical ? Shape{n, 1, 2 * kBlock, kBlock} : Shape{n, 1, kBlock, 2 * kBlock};
  BlockMnist result;
  result.dataset = source;
  result.dataset.name = "block " + source.name;
  result.dataset.provenance =
      fmt::format("BlockMNIST, seed {}, over: {}", options.seed, source.provenance);
  result.dataset.inputs = Tensor::empty(shape, DType::u8, where);
  result.mask = Tensor::zeros(shape, DType::boolean, where);
  result.position = Tensor::zeros({n}, DType::i64, where);
  const Pixels null = null_block(options.null_block);
  Pixels signal_mask;
  signal_mask.fill(1);
  auto* mask = static_cast<std::uint8_t*>(result.mask.mutable_raw());
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t half =
        options.position == BlockMnistOptions::Position::first
            ? 0
            : static_cast<std::int64_t>(
                  Draws(options.seed, "block_mnist.position", static_cast<std::uint64_t>(i))
                      .below(2));
    auto* picture = result.dataset.inputs.mutable_data<std::uint8_t>() + i * pixels;
    place(digits.data<std::uint8_t>() + i * kBlock * kBlock, picture, vertical, half);
    place(null.data(), picture, vertical, 1 - half);
    place(signal_mask.data(), mask + i * pixels, vertical, half);
    result.position.mutable_data<std::int64_t>()[i] = half;
  }
  return result;
}

Dataset without_null_block(const BlockMnist& blocks) {
  Dataset result = blocks.dataset;
  result.name += " without null block";
  result.inputs = Tensor::empty(blocks.dataset.inputs.shape(), DType::u8);
  const auto* mask = static_cast<const std::uint8_t*>(blocks.mask.raw());
  const auto* from = blocks.dataset.inputs.data<std::uint8_t>();
  auto* to = result.inputs.mutable_data<std::uint8_t>();
  for (std::int64_t i = 0; i < result.inputs.size(); ++i) to[i] = mask[i] != 0 ? from[i] : 0;
  return result;
}

}  // namespace ingrad
