// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace ingrad::kernels {
namespace {

struct Case {
  const char* what;
  std::vector<std::int64_t> extent, src_stride, dst_stride;
  std::int64_t src_base = 0, dst_base = 0;
};

const Case kCases[] = {
    {"one element", {}, {}, {}},
    {"contiguous", {3, 4, 5}, {20, 5, 1}, {20, 5, 1}},
    {"longer than a unit", {20000}, {1}, {1}},
    {"transposed", {37, 53}, {1, 37}, {53, 1}},
    {"batched transpose", {2, 19, 33}, {627, 1, 19}, {627, 33, 1}},
    {"channels last to first", {2, 3, 7, 5}, {105, 1, 15, 3}, {105, 35, 5, 1}},
    {"source order kept in the middle", {5, 6, 7}, {1, 35, 5}, {42, 7, 1}},
    {"broadcast", {4, 3, 6}, {0, 1, 0}, {18, 6, 1}},
    {"reversed", {3, 7}, {-7, -1}, {7, 1}, 20, 0},
    {"steps on both sides", {5, 4}, {24, 3}, {40, 2}},
    {"destination transposed", {6, 8}, {8, 1}, {1, 6}},
    {"extents of one", {1, 5, 1, 3}, {99, 3, 77, 1}, {55, 3, 44, 1}},
    {"empty", {3, 0, 4}, {0, 4, 1}, {0, 4, 1}},
    {"eight axes",
     {2, 1, 3, 2, 1, 2, 2, 3},
     {1, 9, 2, 6, 9, 12, 24, 48},
     {72, 72, 24, 12, 12, 6, 3, 1}},
};

template <class T>
void check(DType dtype) {
  for (const Case& c : kCases) {
    std::vector<T> src(20000);
    for (std::size_t i = 0; i < src.size(); ++i) src[i] = static_cast<T>(i * 7 + 1);
    std::vector<T> expected(20000, T{0});
    std::int64_t count = 1;
    for (const std::int64_t e : c.extent) count *= e;
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t rest = i, s = c.src_base, d = c.dst_base;
      for (int a = static_cast<int>(c.extent.size()) - 1; a >= 0; --a) {
        s += rest % c.extent[a] * c.src_stride[a];
        d += rest % c.extent[a] * c.dst_stride[a];
        rest /= c.extent[a];
      }
      expected[d] = src[s];
    }
    for (const bool simplified : {false, true}) {
      for (const Backend backend : {Backend::reference, Backend::cpu}) {
        std::vector<T> dst(20000, T{0});
        CopyArgs a{.src = src.data() + c.src_base,
                   .dst = dst.data() + c.dst_base,
                   .rank = static_cast<int>(c.extent.size())};
        std::copy(c.extent.begin(), c.extent.end(), a.extent.begin());
        std::copy(c.src_stride.begin(), c.src_stride.end(), a.src_stride.begin());
        std::copy(c.dst_stride.begin(), c.dst_stride.end(), a.dst_stride.begin());
        if (simplified) simplify(a);
        const std::int64_t n = copy.units(a);
        for (std::int64_t u = n - 1; u >= 0; --u) copy.at(backend, dtype)(a, {u, u + 1});
        EXPECT_EQ(dst, expected) << c.what << " " << name_of(dtype) << " simplified " << simplified;
      }
    }
  }
}

TEST(Copy, EveryLayoutAndElementSize) {
  check<std::uint8_t>(DType::u8);
  check<std::uint16_t>(DType::f16);
  check<float>(DType::f32);
  check<double>(DType::f64);
}

TEST(Copy, SimplifyMergesAndOrders) {
  CopyArgs a{
      .rank = 4, .extent = {2, 3, 1, 4}, .src_stride = {12, 4, 5, 1}, .dst_stride = {12, 4, 9, 1}};
  simplify(a);
  EXPECT_EQ(a.rank, 1);
  EXPECT_EQ(a.extent[0], 24);
}

TEST(Copy, IsThereForEveryDType) {
  for (int t = 0; t < kDTypeCount; ++t) {
    const auto dtype = static_cast<DType>(t);
    for (const Backend b : {Backend::reference, Backend::cpu}) {
      EXPECT_EQ(copy.has(b, dtype), dtype != DType::mask) << name_of(dtype);
    }
  }
}

}  // namespace
}  // namespace ingrad::kernels
