// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/bits.h"
#include "kernels/cpu/copy.h"
#include "kernels/reference/copy.h"
#include "kernels/tile_io.h"

namespace ingrad::kernels {
namespace {

constexpr std::int64_t kRun = 8192;  // elements of the last axis per unit
constexpr std::int64_t kBand = 16;   // rows per unit of a transposition

std::int64_t blocks(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

// The last two axes trade places in memory: walked in bands, both sides stay in cache.
bool transposes(const CopyArgs& a) {
  const int r = a.rank;
  return r >= 2 && a.dst_stride[r - 1] == 1 && a.src_stride[r - 1] != 1 && a.src_stride[r - 2] == 1;
}

std::int64_t units(const CopyArgs& a) {
  if (a.rank == 0) return 1;
  const int inner = transposes(a) ? 2 : 1;
  std::int64_t n = 1;
  for (int i = 0; i < a.rank - inner; ++i) n *= a.extent[i];
  if (a.extent[a.rank - 1] == 0) return 0;
  return n *
         (inner == 2 ? blocks(a.extent[a.rank - 2], kBand) : blocks(a.extent[a.rank - 1], kRun));
}

std::int64_t unit_cost(const CopyArgs& a) {
  if (a.rank == 0) return 1;
  const std::int64_t last = a.extent[a.rank - 1];
  if (transposes(a)) return std::min(a.extent[a.rank - 2], kBand) * last;
  return 4 + std::min(last, kRun) / (a.src_stride[a.rank - 1] == 1 ? 4 : 1);
}

void swap_axes(CopyArgs& a, int i, int j) {
  std::swap(a.extent[i], a.extent[j]);
  std::swap(a.src_stride[i], a.src_stride[j]);
  std::swap(a.dst_stride[i], a.dst_stride[j]);
}

}  // namespace

CopyBlock block_of(const CopyArgs& a, std::int64_t unit) {
  CopyBlock b{.rows = 1, .columns = 1};
  if (a.rank == 0) return b;
  const int last = a.rank - 1;
  const bool banded = transposes(a);
  const int axis = banded ? last - 1 : last;  // the axis that is cut into blocks
  const std::int64_t size = banded ? kBand : kRun;
  const std::int64_t count = blocks(a.extent[axis], size);
  const std::int64_t start = unit % count * size;
  const std::int64_t length = std::min(size, a.extent[axis] - start);
  b.src = start * a.src_stride[axis];
  b.dst = start * a.dst_stride[axis];
  std::int64_t outer = unit / count;
  for (int i = axis - 1; i >= 0; --i) {
    const std::int64_t at = outer % a.extent[i];
    outer /= a.extent[i];
    b.src += at * a.src_stride[i];
    b.dst += at * a.dst_stride[i];
  }
  b.columns = banded ? a.extent[last] : length;
  b.src_column = a.src_stride[last];
  b.dst_column = a.dst_stride[last];
  if (banded) {
    b.rows = length;
    b.src_row = a.src_stride[axis];
    b.dst_row = a.dst_stride[axis];
  }
  return b;
}

void simplify(CopyArgs& a) {
  CopyArgs s{.src = a.src, .dst = a.dst};
  for (int i = 0; i < a.rank; ++i) {
    if (a.extent[i] == 1) continue;
    s.extent[s.rank] = a.extent[i];
    s.src_stride[s.rank] = a.src_stride[i];
    s.dst_stride[s.rank++] = a.dst_stride[i];
  }
  // Destination order: insertion sort by falling stride.
  for (int i = 1; i < s.rank; ++i) {
    for (int j = i; j > 0 && std::abs(s.dst_stride[j - 1]) < std::abs(s.dst_stride[j]); --j) {
      swap_axes(s, j - 1, j);
    }
  }
  a = CopyArgs{.src = s.src, .dst = s.dst};
  for (int i = 0; i < s.rank; ++i) {
    const int last = a.rank - 1;
    if (last >= 0 && a.src_stride[last] == s.extent[i] * s.src_stride[i] &&
        a.dst_stride[last] == s.extent[i] * s.dst_stride[i]) {
      a.extent[last] *= s.extent[i];
      a.src_stride[last] = s.src_stride[i];
      a.dst_stride[last] = s.dst_stride[i];
    } else {
      a.extent[a.rank] = s.extent[i];
      a.src_stride[a.rank] = s.src_stride[i];
      a.dst_stride[a.rank++] = s.dst_stride[i];
    }
  }
  const int last = a.rank - 1;
  if (last < 1 || a.src_stride[last] == 1) return;
  for (int i = last - 1; i >= 0; --i) {
    if (a.src_stride[i] == 1) {
      swap_axes(a, i, last - 1);
      return;
    }
  }
}

namespace {

constexpr std::int64_t kFillRun = 16384;
std::int64_t fill_units(const FillArgs& a) { return blocks(a.count, kFillRun); }
std::int64_t fill_cost(const FillArgs& a) { return std::min(a.count, kFillRun) / 4; }

template <DType kType>
void fill_elements(const FillArgs& a, Range r) {
  std::uint64_t bits = 0;
  store_tile(&a.value, DType::f64, &bits, kType, 1);
  constexpr std::size_t kSize = size_of(kType);
  char* const begin =
      static_cast<char*>(a.dst) + r.begin * kFillRun * static_cast<std::int64_t>(kSize);
  const std::int64_t count = std::min(a.count, r.end * kFillRun) - r.begin * kFillRun;
  const auto put = [&]<class T>(T) {
    T element;
    std::memcpy(&element, &bits, sizeof element);
    std::fill_n(reinterpret_cast<T*>(begin), count, element);
  };
  if constexpr (kSize == 8) put(Bits64::type{});
  if constexpr (kSize == 4) put(Bits32::type{});
  if constexpr (kSize == 2) put(Bits16::type{});
  if constexpr (kSize == 1) put(Bits8::type{});
}

}  // namespace

#define INGRAD_FILL(type)                                          \
  {Backend::reference, DType::type, fill_elements<DType::type>}, { \
    Backend::cpu, DType::type, fill_elements<DType::type>          \
  }
constinit const Family<FillArgs> fill("fill", fill_units, fill_cost, nullptr,
                                      {INGRAD_FILL(f32), INGRAD_FILL(f64), INGRAD_FILL(bf16),
                                       INGRAD_FILL(f16), INGRAD_FILL(i32), INGRAD_FILL(i64),
                                       INGRAD_FILL(u8), INGRAD_FILL(boolean)});
#undef INGRAD_FILL

constinit const Family<CopyArgs> copy("copy", units, unit_cost, nullptr,
                                      {INGRAD_ENTRIES_BY_SIZE(Backend::reference, reference::copy),
                                       INGRAD_ENTRIES_BY_SIZE(Backend::cpu, cpu::copy)});

}  // namespace ingrad::kernels
