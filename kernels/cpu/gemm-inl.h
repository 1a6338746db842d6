// SPDX-License-Identifier: Apache-2.0
// Per-target include: the register tile of matrix products, and the packing of its operands.
// A tile of A is packed as [k][kTileStride] (its rows side by side), a panel of B as [k][panel].
#if defined(INGRAD_KERNELS_CPU_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INGRAD_KERNELS_CPU_GEMM_INL_H_
#undef INGRAD_KERNELS_CPU_GEMM_INL_H_
#else
#define INGRAD_KERNELS_CPU_GEMM_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/cpu/lane-inl.h"
#include "kernels/sign_bits.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// A tile of kTileRows x 2 vectors of accumulators, with the operands, fills the registers: 12 of
// the 32 of AVX-512 and Arm, 6 of the 16 of AVX2 and SSE4.
inline constexpr bool kManyRegisters = HWY_ARCH_X86 ? HWY_TARGET <= HWY_AVX3 : true;
inline constexpr int kTileRows = kManyRegisters ? 12 : 6;
inline constexpr int kTileStride = kManyRegisters ? 12 : 8;
inline constexpr int kTileVectors = 2;

template <class T>
inline constexpr std::int64_t kLanes = hn::MaxLanes(Tag<T>());
template <class T>
inline constexpr std::int64_t kPanelWidth = kTileVectors* kLanes<T>;

template <class T>
HWY_INLINE Vec<T> relu(Vec<T> v) {
  return hn::IfThenZeroElse(hn::Lt(v, hn::Zero(Tag<T>())), v);
}

// v where the bits from bit `at` on are set, zero elsewhere.
template <class T>
HWY_INLINE Vec<T> gated(Vec<T> v, const std::uint8_t* bits, std::int64_t at) {
  std::uint32_t word;
  std::memcpy(&word, bits + at / 8, sizeof word);
  word >>= at % 8;
  std::uint8_t bytes[8] = {};
  std::memcpy(bytes, &word, sizeof word);
  return hn::IfThenElseZero(hn::LoadMaskBits(Tag<T>(), bytes), v);
}

// What follows the sum and its bias for results that were stored already, `step` apart: `residual`
// (or null) lies as they do, and bit gate_at of the gate (or null) is the first one's.
template <class T>
HWY_INLINE void finish_row(const T* residual, bool relu, const std::uint8_t* gate,
                           std::int64_t gate_at, std::int64_t n, std::int64_t step, T* row) {
  for (std::int64_t i = 0; i < n * step; i += step) {
    T v = row[i];
    if (residual) v += residual[i];
    if (relu && v < T(0)) v = T(0);
    if (gate && !sign_bit(gate, gate_at + i)) v = T(0);
    row[i] = v;
  }
}

// One step of the sum for one tile of C, and what follows the last step.
template <class T>
struct TileJob {
  std::int64_t k = 0;
  const T* a = nullptr;  // packed tile, or rows that lie side by side
  std::int64_t a_step = kTileStride;
  const T* b = nullptr;  // row p of the panel at b + p * b_step
  std::int64_t b_step = kPanelWidth<T>;
  const T* ahead = nullptr;  // k cache lines that will be read soon
  T* c = nullptr;
  std::int64_t c_step = 0;
  std::size_t columns = 0;         // of the panel that exist
  bool add = false;                // onto C rather than over it
  const T* column_bias = nullptr;  // added if not null, as is row_bias
  const T* row_bias = nullptr;
  bool relu = false;
  const T* residual = nullptr;  // laid out as C
  const std::uint8_t* gate = nullptr;
  std::int64_t gate_at = 0;   // the bit for the first element of C; bits lie as C does
  const T* factor = nullptr;  // laid out as C
};

// Rows of a panel that are asked for ahead of use: panels stream from the second-level cache.
inline constexpr std::int64_t kPanelAhead = 8;

// Of the columns of a tile, those from its vector j on.
template <class T>
HWY_INLINE std::size_t columns_from(const TileJob<T>& t, int j) {
  return t.columns - static_cast<std::size_t>(j * kLanes<T>);
}
template <class T, bool kWhole>
HWY_INLINE Vec<T> load_part(const TileJob<T>& t, const T* p, int j) {
  if constexpr (kWhole) return hn::LoadU(Tag<T>(), p);
  return load_head(p, columns_from(t, j));
}

// Sums become elements of C: one step after the other for all of them, so that a step that is not
// asked for costs one branch. `kWhole`: all columns exist.
template <class T, int kRows, int kVectors, bool kWhole>
HWY_INLINE void finish_tile(const TileJob<T>& t, Vec<T> (&sum)[kRows][kVectors]) {
  const Tag<T> d;
#define INGRAD_EACH_SUM(statement)                                           \
  _Pragma("GCC unroll 16") for (int i = 0; i < kRows; ++i) {                 \
    _Pragma("GCC unroll 4") for (int j = 0; j < kVectors; ++j) {             \
      [[maybe_unused]] const std::int64_t at = i * t.c_step + j * kLanes<T>; \
      statement;                                                             \
    }                                                                        \
  }
  if (t.add) INGRAD_EACH_SUM(sum[i][j] = hn::Add(load_part<T, kWhole>(t, t.c + at, j), sum[i][j]))
  if (t.column_bias) {
    INGRAD_EACH_SUM(
        sum[i][j] = hn::Add(sum[i][j], load_part<T, kWhole>(t, t.column_bias + j * kLanes<T>, j)))
  }
  if (t.row_bias) INGRAD_EACH_SUM(sum[i][j] = hn::Add(sum[i][j], hn::Set(d, t.row_bias[i])))
  if (t.residual) {
    INGRAD_EACH_SUM(sum[i][j] = hn::Add(sum[i][j], load_part<T, kWhole>(t, t.residual + at, j)))
  }
  if (t.relu) INGRAD_EACH_SUM(sum[i][j] = relu<T>(sum[i][j]))
  if (t.gate) INGRAD_EACH_SUM(sum[i][j] = gated<T>(sum[i][j], t.gate, t.gate_at + at))
  if (t.factor) {
    INGRAD_EACH_SUM(sum[i][j] = hn::Mul(sum[i][j], load_part<T, kWhole>(t, t.factor + at, j)))
  }
  if constexpr (kWhole) {
    INGRAD_EACH_SUM(hn::StoreU(sum[i][j], d, t.c + at))
  } else {
    INGRAD_EACH_SUM(store_head<T>(sum[i][j], t.c + at, columns_from(t, j)))
  }
#undef INGRAD_EACH_SUM
}

template <class T, int kRows, int kVectors>
HWY_NOINLINE void tile(const TileJob<T>& t) {
  const Tag<T> d;
  Vec<T> sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::Zero(d);
  }
  // C is on its way by the time that the sums are done.
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) hwy::Prefetch(t.c + i * t.c_step + j * kLanes<T>);
  }
  const T* HWY_RESTRICT a = t.a;
  const T* HWY_RESTRICT b = t.b;
  const char* ahead = reinterpret_cast<const char*>(t.ahead);
  const std::int64_t a_step = t.a_step, b_step = t.b_step;
  for (std::int64_t p = t.k; p > 0; --p) {
    Vec<T> row[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      row[j] = hn::LoadU(d, b + j * kLanes<T>);
      hwy::Prefetch(b + j * kLanes<T> + kPanelAhead * b_step);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const Vec<T> x = hn::Set(d, a[i]);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::MulAdd(x, row[j], sum[i][j]);
    }
    __builtin_prefetch(ahead, 0, 2);
    a += a_step;
    b += b_step;
    ahead += 64;
  }
  if (t.columns >= static_cast<std::size_t>(kVectors * kLanes<T>)) {
    finish_tile<T, kRows, kVectors, true>(t, sum);
  } else {
    finish_tile<T, kRows, kVectors, false>(t, sum);
  }
}

template <class T>
using TileFn = void (*)(const TileJob<T>&);

template <class T, int kVectors, int... kIndex>
constexpr std::array<TileFn<T>, sizeof...(kIndex)> tiles_of(std::integer_sequence<int, kIndex...>) {
  return {tile<T, kIndex + 1, kVectors>...};
}

// Runs the tile of `rows` (1 to kTileRows) by job.columns (1 to the panel's width).
template <class T>
HWY_INLINE void run_tile(const TileJob<T>& job, std::int64_t rows) {
  constexpr auto kAll = std::make_integer_sequence<int, kTileRows>();
  static constexpr auto kOne = tiles_of<T, 1>(kAll);
  static constexpr auto kTwo = tiles_of<T, kTileVectors>(kAll);
  const auto i = static_cast<std::size_t>(rows - 1);
  if (job.columns <= static_cast<std::size_t>(kLanes<T>)) {
    kOne[i](job);
  } else {
    kTwo[i](job);
  }
}

// Rows of each of the tiles that `rows` are cut into: equal but for the last.
HWY_INLINE std::int64_t tile_rows(std::int64_t rows) {
  const std::int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  return (rows + tiles - 1) / tiles;
}

// ---- packing ----------------------------------------------------------------------------------

// dst[q * step + i] = row i at q, for a square block as large as a 128-bit vector; of the rows,
// the first n (>= 1) exist and the rest count as zero.
template <class T>
HWY_INLINE void transpose_square(const T* src, std::int64_t src_step, std::int64_t n, T* dst,
                                 std::int64_t step) {
  const hn::CappedTag<T, 16 / sizeof(T)> d;
  if constexpr (sizeof(T) == 4) {
    const hn::Repartition<double, decltype(d)> wide;
    const auto zero = hn::Zero(d);
    const auto r0 = hn::LoadU(d, src);
    const auto r1 = n > 1 ? hn::LoadU(d, src + src_step) : zero;
    const auto r2 = n > 2 ? hn::LoadU(d, src + 2 * src_step) : zero;
    const auto r3 = n > 3 ? hn::LoadU(d, src + 3 * src_step) : zero;
    const auto lower01 = hn::BitCast(wide, hn::InterleaveLower(d, r0, r1));
    const auto upper01 = hn::BitCast(wide, hn::InterleaveUpper(d, r0, r1));
    const auto lower23 = hn::BitCast(wide, hn::InterleaveLower(d, r2, r3));
    const auto upper23 = hn::BitCast(wide, hn::InterleaveUpper(d, r2, r3));
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, lower01, lower23)), d, dst);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, lower01, lower23)), d, dst + step);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, upper01, upper23)), d, dst + 2 * step);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, upper01, upper23)), d, dst + 3 * step);
  } else {
    const auto r0 = hn::LoadU(d, src);
    const auto r1 = n > 1 ? hn::LoadU(d, src + src_step) : hn::Zero(d);
    hn::StoreU(hn::InterleaveLower(d, r0, r1), d, dst);
    hn::StoreU(hn::InterleaveUpper(d, r0, r1), d, dst + step);
  }
}

// dst[p * kWidth + i] = src[i * lane_step + p * k_step] for i < lanes, p < k; zero for
// lanes <= i < kWidth.
template <class T, std::int64_t kWidth>
HWY_NOINLINE void pack_panel(const T* src, std::int64_t lane_step, std::int64_t k_step,
                             std::int64_t lanes, std::int64_t k, T* HWY_RESTRICT dst) {
  constexpr std::int64_t kSquare = 16 / sizeof(T);
  // Source elements of one row that are transposed at a time: a cache line.
  constexpr std::int64_t kLine = 64 / sizeof(T);
  static_assert(kWidth % kSquare == 0);
  if (lane_step == 1) {
    const hn::CappedTag<T, kSquare> d;
    const std::int64_t whole = lanes / kSquare * kSquare;
    for (std::int64_t p = 0; p < k; ++p, src += k_step, dst += kWidth) {
      // Rows lie too far apart for the machine to foresee.
      for (std::int64_t i = 0; i < lanes; i += kLine) hwy::Prefetch(src + kPanelAhead * k_step + i);
      if (whole == kWidth) {
#pragma GCC unroll 16
        for (std::int64_t i = 0; i < kWidth; i += kSquare) {
          hn::StoreU(hn::LoadU(d, src + i), d, dst + i);
        }
        continue;
      }
      for (std::int64_t i = 0; i < whole; i += kSquare) {
        hn::StoreU(hn::LoadU(d, src + i), d, dst + i);
      }
      for (std::int64_t i = whole; i < kWidth; ++i) dst[i] = i < lanes ? src[i] : T(0);
    }
    return;
  }
  std::int64_t p = 0;
  if (k_step == 1) {
    const std::int64_t squares = k / kSquare * kSquare;
    for (; p < squares; p += kLine) {
      const std::int64_t end = std::min(p + kLine, squares);
      for (std::int64_t i = 0; i < kWidth; i += kSquare) {
        for (std::int64_t q = p; q < end; q += kSquare) {
          if (i < lanes) {
            transpose_square(src + i * lane_step + q, lane_step, lanes - i, dst + q * kWidth + i,
                             kWidth);
          } else {
            for (std::int64_t z = 0; z < kSquare * kSquare; ++z) {
              dst[(q + z / kSquare) * kWidth + i + z % kSquare] = T(0);
            }
          }
        }
      }
    }
    p = squares;
  }
  for (; p < k; ++p) {
    for (std::int64_t i = 0; i < kWidth; ++i) {
      dst[p * kWidth + i] = i < lanes ? src[i * lane_step + p * k_step] : T(0);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();
#endif
