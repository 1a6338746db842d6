// SPDX-License-Identifier: Apache-2.0
// Convolution and pooling with 16 images in the lanes of a vector: for the few channels and narrow
// planes of which vectors along channels or pixels would be mostly empty. An array of [N, C, H, W]
// lies as [N / 16][C][H][W][16] then. Sums run in the order of the kernels that take whole planes:
// the same bits.
#pragma once

#include "kernels/conv.h"
#include "kernels/pair_pool.h"

namespace ingrad::kernels {

inline constexpr std::int64_t kImageLanes = 16;
inline constexpr std::int64_t kImageLanesPoints = 64;  // of 16 images, turned by one work unit

// dst[g][p][i] = src[16 g + i][p], or the inverse.
struct ImageLanesArgs {
  const void* src = nullptr;
  void* dst = nullptr;
  std::int64_t groups = 0;  // of 16 images
  std::int64_t points = 0;  // elements of an image
  bool inverse = false;

  template <class F>
  void for_each_operand(F&& f) {
    f(src);
    f(dst);
  }
};
extern const Family<ImageLanesArgs> image_lanes;

// As `conv`, `pair_pool` and `pair_pool_grad`; batch and planes count groups of 16 images, and an
// element of src, out, residual, x, dy, values, codes or dx is 16 of them side by side.
// Weights and bias are as they were, and weights finite: some of their products with padding are
// left out. dtype f32, back end cpu.
extern const Family<ConvArgs> lanes_conv;
extern const Family<PairPoolArgs> lanes_pair_pool;
extern const Family<PairPoolGradArgs> lanes_pair_pool_grad;

// How lanes_conv is cut into work units, in the order (group of images, group of channels, plane,
// band of rows).
struct LanesConvBlocks {
  static constexpr std::int64_t kRows = 8;  // most rows of a band

  explicit LanesConvBlocks(const ConvArgs& a);
  std::int64_t rows;  // of a band
  std::int64_t bands;
  std::int64_t units;
};

}  // namespace ingrad::kernels
