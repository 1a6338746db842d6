// SPDX-License-Identifier: Apache-2.0
#include "kernels/index.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::dtype_of;
using testing::run_units;

struct Size {
  std::int64_t outer, extent, count, inner;
  bool shared;  // one index list for all slices
};
constexpr Size kSizes[] = {{1, 7, 5, 1, false},    {3, 4, 9, 1, false},     {2, 5, 3, 4, false},
                           {1, 50, 20, 130, true}, {4, 3, 2000, 1, true},   {2, 6, 4, 3, true},
                           {0, 4, 4, 2, false},    {2, 4, 0, 3, true},      {2, 4, 3, 0, true},
                           {1, 9, 11, 70, false},  {1, 700, 5000, 1, false}};

IndexArgs args_of(const Size& s) {
  IndexArgs a;
  a.outer = s.outer;
  a.extent = s.extent;
  a.count = s.count;
  a.inner = s.inner;
  a.index_outer = s.shared ? 0 : s.count * s.inner;
  a.index_axis = s.shared ? 1 : s.inner;
  a.index_inner = s.shared ? 0 : 1;
  return a;
}

std::vector<std::int64_t> indices_for(const Size& s, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<std::int64_t> index(
      static_cast<std::size_t>(s.shared ? s.count : s.outer * s.count * s.inner));
  for (auto& i : index) i = static_cast<std::int64_t>(bits() % static_cast<unsigned>(s.extent));
  return index;
}

std::int64_t position(const IndexArgs& a, std::int64_t o, std::int64_t j, std::int64_t i) {
  return a.index[o * a.index_outer + j * a.index_axis + i * a.index_inner];
}

template <class T>
void check_gather(DType dtype) {
  for (const Size& s : kSizes) {
    const auto index = indices_for(s, 3);
    std::vector<T> src(static_cast<std::size_t>(s.outer * s.extent * s.inner));
    for (std::size_t i = 0; i < src.size(); ++i) src[i] = static_cast<T>(i + 1);
    for (const std::int64_t skip : {-1, 2}) {
      for (const Backend backend : {Backend::reference, Backend::cpu}) {
        std::vector<T> dst(static_cast<std::size_t>(s.outer * s.count * s.inner), T{5});
        IndexArgs a = args_of(s);
        a.src = src.data();
        a.dst = dst.data();
        a.index = index.data();
        a.skip = skip;
        run_units(gather, backend, dtype, a, 1);
        std::size_t k = 0;
        for (std::int64_t o = 0; o < s.outer; ++o) {
          for (std::int64_t j = 0; j < s.count; ++j) {
            for (std::int64_t i = 0; i < s.inner; ++i, ++k) {
              const std::int64_t p = position(a, o, j, i);
              ASSERT_EQ(dst[k],
                        p == skip
                            ? T{0}
                            : src[static_cast<std::size_t>((o * s.extent + p) * s.inner + i)]);
            }
          }
        }
      }
    }
  }
}

TEST(Gather, TakesElementsOfEveryDType) {
  check_gather<std::uint8_t>(DType::u8);
  check_gather<std::uint8_t>(DType::boolean);
  check_gather<std::uint16_t>(DType::f16);
  check_gather<std::uint16_t>(DType::bf16);
  check_gather<float>(DType::f32);
  check_gather<double>(DType::f64);
  check_gather<std::int32_t>(DType::i32);
  check_gather<std::int64_t>(DType::i64);
}

template <class T>
void check_scatter() {
  for (const Size& s : kSizes) {
    const auto index = indices_for(s, 8);
    const auto src =
        testing::random_values<T>(static_cast<std::size_t>(s.outer * s.count * s.inner), 5, -9, 9);
    for (const std::int64_t skip : {-1, 2}) {
      // In the order of the contract, hence exact.
      std::vector<T> expected(static_cast<std::size_t>(s.outer * s.extent * s.inner), T{0});
      IndexArgs a = args_of(s);
      a.index = index.data();
      a.src = src.data();
      a.skip = skip;
      std::size_t k = 0;
      for (std::int64_t o = 0; o < s.outer; ++o) {
        for (std::int64_t j = 0; j < s.count; ++j) {
          for (std::int64_t i = 0; i < s.inner; ++i, ++k) {
            const std::int64_t p = position(a, o, j, i);
            if (p == skip) continue;
            expected[static_cast<std::size_t>((o * s.extent + p) * s.inner + i)] += src[k];
          }
        }
      }
      for (const std::int64_t step : {0, 1}) {
        std::vector<T> dst(expected.size(), T{5});
        a.dst = dst.data();
        run_units(scatter_sum, Backend::cpu, dtype_of<T>(), a, step);
        ASSERT_EQ(dst, expected);
      }
      std::vector<T> slow(expected.size(), T{5});
      a.dst = slow.data();
      run_units(scatter_sum, Backend::reference, dtype_of<T>(), a);
      ASSERT_LE(testing::difference(slow, expected), testing::tolerance<T>());
    }
  }
}

TEST(ScatterSum, AddsInOrder) {
  check_scatter<float>();
  check_scatter<double>();
  check_scatter<std::int32_t>();
  check_scatter<std::int64_t>();
}

template <class T>
void check_one_hot(DType dtype) {
  const std::vector<std::int64_t> index = {2, 0, 3, 3};
  for (const Backend backend : {Backend::reference, Backend::cpu}) {
    std::vector<T> dst(16, T{7});
    run_units(one_hot, backend, dtype, OneHotArgs{index.data(), dst.data(), 4, 4}, 1);
    for (std::size_t k = 0; k < 16; ++k) {
      EXPECT_EQ(dst[k], static_cast<T>(index[k / 4] == static_cast<std::int64_t>(k % 4)));
    }
  }
}

TEST(OneHot, MarksOnePerRow) {
  check_one_hot<float>(DType::f32);
  check_one_hot<double>(DType::f64);
  check_one_hot<std::int32_t>(DType::i32);
  check_one_hot<std::int64_t>(DType::i64);
  check_one_hot<std::uint8_t>(DType::u8);
  check_one_hot<std::uint8_t>(DType::boolean);
}

}  // namespace
}  // namespace ingrad::kernels
