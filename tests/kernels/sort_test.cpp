// SPDX-License-Identifier: Apache-2.0
#include "kernels/sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using testing::run_units;

// Both back ends against each other; the reference counts, the other sorts.
template <class T>
void expect_agreement(DType dtype, const std::vector<T>& x, std::int64_t outer, std::int64_t extent,
                      std::int64_t inner) {
  for (const bool descending : {false, true}) {
    for (const std::int64_t count : {extent, extent / 2, std::int64_t{1}, std::int64_t{0}}) {
      if (count > extent) continue;
      const auto n = static_cast<std::size_t>(outer * count * inner);
      std::vector<T> expected(n), values(n);
      std::vector<std::int64_t> places(n, -1), indices(n, -2);
      SortArgs a{x.data(), expected.data(), places.data(), outer, extent, inner, count, descending};
      run_units(sort, Backend::reference, dtype, a);
      a.values = values.data();
      a.indices = indices.data();
      run_units(sort, Backend::cpu, dtype, a, 1);
      ASSERT_EQ(indices, places) << name_of(dtype) << " " << extent << " " << count;
      ASSERT_EQ(kernels::testing::compare_bytes(values.data(), expected.data(), n * sizeof(T)), 0);
    }
  }
}

template <class T>
void check(DType dtype, T (*make)(std::uint32_t)) {
  std::mt19937 bits(11);
  for (const auto& [outer, extent, inner] :
       {std::array<std::int64_t, 3>{1, 1, 1}, {3, 17, 1}, {2, 100, 3}, {1, 700, 1}, {2, 0, 4}}) {
    std::vector<T> x(static_cast<std::size_t>(outer * extent * inner));
    for (T& v : x) v = make(static_cast<std::uint32_t>(bits()));
    expect_agreement(dtype, x, outer, extent, inner);
  }
}

template <class F>
F special(std::uint32_t r) {
  switch (r % 16) {
    case 0: return -F(0);
    case 1: return F(0);
    case 2: return std::numeric_limits<F>::infinity();
    case 3: return -std::numeric_limits<F>::infinity();
    case 4: return std::numeric_limits<F>::quiet_NaN();
    case 5: return -std::numeric_limits<F>::quiet_NaN();
    default: return static_cast<F>(static_cast<int>(r >> 8 & 63)) - 32;
  }
}

TEST(Sort, EveryDTypeWithTiesAndSpecialValues) {
  check<float>(DType::f32, special<float>);
  check<double>(DType::f64, special<double>);
  const auto raw16 = [](std::uint32_t r) { return static_cast<std::uint16_t>(r); };
  check<std::uint16_t>(DType::bf16, raw16);
  check<std::uint16_t>(DType::f16, raw16);
  check<std::int32_t>(DType::i32, [](std::uint32_t r) { return static_cast<std::int32_t>(r); });
  check<std::int64_t>(DType::i64, [](std::uint32_t r) {
    return (static_cast<std::int64_t>(r) << 32 | r % 5) * (r % 2 == 0 ? 1 : -1);
  });
  check<std::uint8_t>(DType::u8, [](std::uint32_t r) { return static_cast<std::uint8_t>(r); });
  check<std::uint8_t>(DType::boolean,
                      [](std::uint32_t r) { return static_cast<std::uint8_t>(r & 1); });
}

TEST(Sort, HasPyTorchsOrder) {
  const std::vector<float> x = {2, NAN, -1, 2, -0.0f, 0.0f};
  std::vector<float> values(6);
  std::vector<std::int64_t> indices(6);
  SortArgs a{x.data(), values.data(), indices.data(), 1, 6, 1, 6, false};
  for (const Backend b : {Backend::reference, Backend::cpu}) {
    a.descending = false;
    run_units(sort, b, DType::f32, a);
    EXPECT_EQ(indices, (std::vector<std::int64_t>{2, 4, 5, 0, 3, 1}));
    a.descending = true;
    run_units(sort, b, DType::f32, a);
    EXPECT_EQ(indices, (std::vector<std::int64_t>{1, 0, 3, 4, 5, 2}));
  }
}

}  // namespace
}  // namespace ingrad::kernels
