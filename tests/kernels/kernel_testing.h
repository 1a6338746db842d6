// SPDX-License-Identifier: Apache-2.0
// Common to the kernel tests: running a family over ranges, on each instruction set.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device.h"
#include "kernels/kernel.h"

namespace ingrad::kernels::testing {

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, double>) return DType::f64;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::i32;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::i64;
  return DType::u8;
}

// Do device kernels take the place of the CPU's?
#ifdef INGRAD_TEST_DEVICE
inline constexpr bool kDevice = true;
#else
inline constexpr bool kDevice = false;
#endif

// Runs all units of a family, `step` units per call (0: all in one call). In programs that test a
// device its kernels take the place of the CPU's; one call does all units there.
template <class Args>
void run_units(const Family<Args>& family, Backend backend, DType t, const Args& args,
               std::int64_t step = 0) {
#ifdef INGRAD_TEST_DEVICE
  if (backend == Backend::cpu) {
    DeviceLibrary& device = *device_library();
    const auto launcher = family.at(Backend::cuda, t);
    ASSERT_NE(launcher, nullptr) << family.name();
    const std::int64_t all = family.units(args);
    if (all > 0) launcher(args, {0, all, nullptr});
    device.synchronize();
    ASSERT_EQ(device.take_error(), "") << family.name();
    return;
  }
#endif
  const auto fn = family.at(backend, t);
  ASSERT_NE(fn, nullptr) << family.name();
  const std::int64_t units = family.units(args);
  const auto bytes = static_cast<std::size_t>(family.scratch_bytes(args));
  std::unique_ptr<void, decltype(&std::free)> scratch(
      std::aligned_alloc(64, (bytes + 127) / 64 * 64), &std::free);
  if (step == 0) step = units > 0 ? units : 1;
  for (std::int64_t begin = 0; begin < units; begin += step) {
    fn(args, {begin, begin + step < units ? begin + step : units, scratch.get()});
  }
}

// Restores the machine's best instruction set when a test ends.
class EveryIsa : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_isa(GetParam())); }
  void TearDown() override { force_isa("auto"); }
};

// 0 when the bytes are equal; empty arrays may be null.
inline int compare_bytes(const void* a, const void* b, std::size_t bytes) {
  return bytes == 0 ? 0 : std::memcmp(a, b, bytes);
}

inline std::vector<std::string> isa_names() {
  std::vector<std::string> names;
#ifdef INGRAD_TEST_DEVICE
  return {"auto"};
#endif
  for (std::string_view n : supported_isas()) names.emplace_back(n);
  return names;
}

template <class T>
std::vector<T> random_values(std::size_t n, unsigned seed, double low = -1, double high = 1) {
  std::mt19937 bits(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<T> v;
  v.reserve(n + 1);  // not null even when empty, like the storage of tensors
  for (std::size_t i = 0; i < n; ++i) v.push_back(static_cast<T>(uniform(bits)));
  return v;
}

// Largest |a - b| relative to the largest |b|; NaNs must match, infinities be equal.
template <class T>
double difference(const std::vector<T>& a, const std::vector<T>& b) {
  double largest = 1e-30, worst = 0;
  for (T x : b) {
    if (std::isfinite(static_cast<double>(x))) {
      largest = std::max(largest, std::fabs(static_cast<double>(x)));
    }
  }
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    if (std::isnan(x) != std::isnan(y)) return INFINITY;
    if (std::isnan(x) || x == y) continue;
    if (std::isinf(x) || std::isinf(y)) return INFINITY;
    worst = std::max(worst, std::fabs(x - y) / largest);
  }
  return worst;
}

// Bits by chance, for gates (kernels/sign_bits.h), with bytes to spare.
inline std::vector<std::uint8_t> random_bits(std::size_t n, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<std::uint8_t> v((n + 7) / 8 + 8);
  for (std::uint8_t& byte : v) byte = static_cast<std::uint8_t>(bits());
  return v;
}

template <class T>
constexpr double tolerance() {
  return std::is_same_v<T, float> ? 2e-6 : 1e-13;
}

}  // namespace ingrad::kernels::testing
