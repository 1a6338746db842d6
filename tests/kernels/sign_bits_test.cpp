// SPDX-License-Identifier: Apache-2.0
#include "kernels/sign_bits.h"

#include <cmath>
#include <limits>

#include "tests/kernels/kernel_testing.h"

namespace ingrad::kernels {
namespace {

using SignBitsIsa = testing::EveryIsa;

template <class T>
void expect_signs(std::int64_t count) {
  auto x = testing::random_values<T>(static_cast<std::size_t>(count), 1);
  const T special[] = {T(NAN),
                       T(0),
                       T(-0.0),
                       std::numeric_limits<T>::infinity(),
                       -std::numeric_limits<T>::infinity(),
                       std::numeric_limits<T>::denorm_min()};
  for (std::size_t i = 0; i < x.size(); i += 5) x[i] = special[i / 5 % 6];
  for (const Backend backend : {Backend::reference, Backend::cpu}) {
    std::vector<std::uint8_t> bits(static_cast<std::size_t>(sign_bits_bytes(count)) + 1, 77);
    const SignBitsArgs args{x.data(), bits.data(), count};
    testing::run_units(sign_bits, backend, testing::dtype_of<T>(), args, 1);
    for (std::int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(sign_bit(bits.data(), i), x[static_cast<std::size_t>(i)] > T(0))
          << count << " elements, " << i;
    }
    EXPECT_EQ(bits.back(), 77);
  }
}

TEST_P(SignBitsIsa, AreSetForPositiveElements) {
  for (const std::int64_t count : {0, 1, 7, 8, 9, 16, 63, 100, 4096, 4097, 9001}) {
    expect_signs<float>(count);
    expect_signs<double>(count);
  }
}

INSTANTIATE_TEST_SUITE_P(AllIsas, SignBitsIsa, ::testing::ValuesIn(testing::isa_names()));

}  // namespace
}  // namespace ingrad::kernels
