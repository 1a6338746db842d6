// SPDX-License-Identifier: Apache-2.0
// Batched matrix products with every epilogue of kernels/gemm.h, one block per tile of C.
#include "kernels/gemm.h"

#include <type_traits>

#include "kernels/cuda/install.h"
#include "kernels/cuda/lane.cuh"
#include "kernels/cuda/tile_gemm.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

#include "kernels/activation-inl.h"

// What a sum becomes on its way to C; integers wrap.
template <class T>
struct GemmEpilogue {
  const T* bias;
  const T* residual;
  const std::uint8_t* gate;
  const T* factor;
  T* slope;
  Activation activation;
  bool accumulate;

  __device__ T operator()(T sum, T before, std::int64_t column, std::int64_t at) const {
    if (accumulate) sum += before;
    if (bias != nullptr) sum += bias[column];
    if (residual != nullptr) sum += residual[at];
    if (activation == Activation::relu && sum < T(0)) sum = T(0);
    if constexpr (std::is_floating_point_v<T>) {
      if (is_smooth(activation)) {
        const auto y = Activate(activation, Dual<Lane<T>>(lane_of<T>(sum), Lane<T>(1.0)));
        sum = y.x.v;
        if (slope != nullptr) slope[at] = y.d.v;
      }
    }
    if (gate != nullptr && (gate[at / 8] >> (at % 8) & 1) == 0) sum = T(0);
    if (factor != nullptr) sum *= factor[at];
    return sum;
  }
};

// Integers are multiplied without sign: overflow wraps.
template <class T>
using Arithmetic = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;

template <class T, class Tile>
__global__ void __launch_bounds__(kBlock)
    gemm_tiles(GemmArgs g, std::int64_t tiles_down, std::int64_t tiles_across) {
  using A = Arithmetic<T>;
  INGRAD_SHARED(A, strips, 4 * Tile::kStrip);
  const std::int64_t number = blockIdx.x;
  const std::int64_t entry = number / (tiles_down * tiles_across);
  const std::int64_t row = number % tiles_down * Tile::kSide;
  const std::int64_t column = number / tiles_down % tiles_across * Tile::kSide;
  const T* const a = static_cast<const T*>(g.a) + (g.a_offset ? g.a_offset[entry] : 0);
  const T* const b = static_cast<const T*>(g.b) + (g.b_offset ? g.b_offset[entry] : 0);
  const std::int64_t c_at = g.c_offset ? g.c_offset[entry] : 0;
  A sum[Tile::kSquare][Tile::kSquare] = {};
  multiply_tile<Tile, A>(
      g.k,
      [&](int i, std::int64_t p) {
        return row + i < g.m ? static_cast<A>(a[(row + i) * g.a_row + p * g.a_col]) : A(0);
      },
      [&](std::int64_t p, int j) {
        return column + j < g.n ? static_cast<A>(b[p * g.b_row + (column + j) * g.b_col]) : A(0);
      },
      g.a_col == 1, g.b_col != 1, strips, sum);
  const GemmEpilogue<T> epilogue{static_cast<const T*>(g.bias),
                                 static_cast<const T*>(g.residual),
                                 g.gate,
                                 static_cast<const T*>(g.factor),
                                 static_cast<T*>(g.slope),
                                 g.activation,
                                 g.accumulate};
  T* const c = static_cast<T*>(g.c);
  const int y = static_cast<int>(threadIdx.x) / 16, x = static_cast<int>(threadIdx.x) % 16;
  INGRAD_UNROLL
  for (int i = 0; i < Tile::kSquare; ++i) {
    INGRAD_UNROLL
    for (int j = 0; j < Tile::kSquare; ++j) {
      const std::int64_t r = row + y + 16 * i, n = column + x + 16 * j;
      if (r >= g.m || n >= g.n) continue;
      const std::int64_t at = c_at + r * g.c_row + n;
      c[at] = epilogue(static_cast<T>(sum[i][j]), g.accumulate ? c[at] : T(0), n, at);
    }
  }
}

// The same bits for every m: the tile depends on n and the batch alone, and does not change sums.
template <class T, class Tile>
void launch_tiles(const GemmArgs& g) {
  const std::int64_t down = blocks_for(g.m, Tile::kSide), across = blocks_for(g.n, Tile::kSide);
  launch(gemm_tiles<T, Tile>, static_cast<unsigned>(g.batch * down * across), kBlock, 0, g, down,
         across);
}

template <class T>
void run(const GemmArgs& given, Range) {
  GemmArgs g = given;
  g.a_offset = device_table(g.a_offset, g.batch);
  g.b_offset = device_table(g.b_offset, g.batch);
  g.c_offset = device_table(g.c_offset, g.batch);
  // Large tiles reuse more, small ones occupy more of the device.
  constexpr std::int64_t kEnoughTiles = 128;
  using Large = GemmTile<sizeof(T) == 4 ? 8 : 4>;
  const std::int64_t large =
      g.batch * blocks_for(g.m, Large::kSide) * blocks_for(g.n, Large::kSide);
  if (large >= kEnoughTiles) {
    launch_tiles<T, Large>(g);
  } else if (g.batch * blocks_for(g.m, 64) * blocks_for(g.n, 64) >= kEnoughTiles) {
    launch_tiles<T, GemmTile<4>>(g);
  } else {
    launch_tiles<T, GemmTile<2>>(g);
  }
}

}  // namespace

void install_gemm() {
  install_floats(gemm, run<float>, run<double>);
  gemm.install(DType::i64, run<std::int64_t>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
