// SPDX-License-Identifier: Apache-2.0
// Strided copies: an element per thread in the order of the destination; copies that turn rows into
// columns go through tiles in shared memory, so that both sides are read and written in runs.
#include "kernels/copy.h"

#include "kernels/bits.h"
#include "kernels/cuda/install.h"
#include "kernels/cuda/storage.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

constexpr int kTile = 64, kTileRows = 4;  // of elements, and of threads
constexpr int kTileEach = kTile / kTileRows;

// Of an element among the first `rank` axes of a copy.
struct CopyOffsets {
  std::int64_t src = 0, dst = 0;

  template <class Index>
  __device__ static CopyOffsets of(const CopyArgs& a, int rank, Index i) {
    CopyOffsets o;
    for (int axis = rank - 1; axis >= 0; --axis) {
      const Index extent = static_cast<Index>(a.extent[axis]), here = i % extent;
      i /= extent;
      o.src += static_cast<std::int64_t>(here) * a.src_stride[axis];
      o.dst += static_cast<std::int64_t>(here) * a.dst_stride[axis];
    }
    return o;
  }
};

// One block per tile of the last two axes, where src runs along the first of them.
template <class T>
__global__ void __launch_bounds__(kTile* kTileRows)
    copy_turned(CopyArgs a, std::int64_t tiles_down, std::int64_t tiles_across) {
  INGRAD_SHARED(T, tile, kTile * (kTile + 1));
  const int r = a.rank - 2, c = a.rank - 1;
  const std::int64_t number = blockIdx.x;
  const std::int64_t row = number / tiles_across % tiles_down * kTile;
  const std::int64_t column = number % tiles_across * kTile;
  const CopyOffsets o =
      CopyOffsets::of(a, r, static_cast<std::uint64_t>(number / tiles_across / tiles_down));
  const T* const src = static_cast<const T*>(a.src) + o.src;
  T* const dst = static_cast<T*>(a.dst) + o.dst;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  // All reads are under way before the first is waited for.
  T held[kTileEach] = {};
  INGRAD_UNROLL
  for (int k = 0; k < kTileEach; ++k) {
    const int i = y + k * kTileRows;
    if (row + x < a.extent[r] && column + i < a.extent[c]) {
      held[k] = src[(row + x) * a.src_stride[r] + (column + i) * a.src_stride[c]];
    }
  }
  INGRAD_UNROLL
  for (int k = 0; k < kTileEach; ++k) tile[(y + k * kTileRows) * (kTile + 1) + x] = held[k];
  __syncthreads();
  INGRAD_UNROLL
  for (int k = 0; k < kTileEach; ++k) {
    const int i = y + k * kTileRows;
    if (row + i < a.extent[r] && column + x < a.extent[c]) {
      dst[(row + i) * a.dst_stride[r] + (column + x) * a.dst_stride[c]] = tile[x * (kTile + 1) + i];
    }
  }
}

template <class Bits>
void run(const CopyArgs& given, Range) {
  using T = typename Bits::type;
  CopyArgs a = given;
  std::int64_t n = 1;
  for (int i = 0; i < a.rank; ++i) n *= a.extent[i];
  if (n == 0) return;
  if (a.rank >= 2 && a.src_stride[a.rank - 2] == 1 && a.src_stride[a.rank - 1] != 1) {
    const std::int64_t rows = a.extent[a.rank - 2], columns = a.extent[a.rank - 1];
    const std::int64_t down = blocks_for(rows, kTile), across = blocks_for(columns, kTile);
    const std::int64_t tiles = n / rows / columns * down * across;
    launch(copy_turned<T>, static_cast<unsigned>(tiles), dim3(kTile, kTileRows), 0, a, down,
           across);
    return;
  }
  const bool narrow = n <= 0x7fffffff;
  launch_each(
      n, INGRAD_LAMBDA(std::int64_t i) {
        const CopyOffsets o = narrow ? CopyOffsets::of(a, a.rank, static_cast<std::uint32_t>(i))
                                     : CopyOffsets::of(a, a.rank, static_cast<std::uint64_t>(i));
        static_cast<T*>(a.dst)[o.dst] = static_cast<const T*>(a.src)[o.src];
      });
}

template <DType kType>
void run_fill(const FillArgs& a, Range) {
  launch_each(
      a.count, INGRAD_LAMBDA(std::int64_t i) { store_as(a.value, a.dst, kType, i); });
}

}  // namespace

void install_copy() {
  install_floats(fill, run_fill<DType::f32>, run_fill<DType::f64>);
  fill.install(DType::bf16, run_fill<DType::bf16>);
  fill.install(DType::f16, run_fill<DType::f16>);
  fill.install(DType::i32, run_fill<DType::i32>);
  fill.install(DType::i64, run_fill<DType::i64>);
  fill.install(DType::u8, run_fill<DType::u8>);
  fill.install(DType::boolean, run_fill<DType::boolean>);
  for (const DType t : {DType::f32, DType::i32}) copy.install(t, run<Bits32>);
  for (const DType t : {DType::f64, DType::i64}) copy.install(t, run<Bits64>);
  for (const DType t : {DType::bf16, DType::f16}) copy.install(t, run<Bits16>);
  for (const DType t : {DType::u8, DType::boolean}) copy.install(t, run<Bits8>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
