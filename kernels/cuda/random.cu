// SPDX-License-Identifier: Apache-2.0
// Random arrays, an element per thread (normal ones in pairs): the bits of the other back ends, for
// which this file is compiled without contraction to fused multiply-add.
#include "kernels/random.h"

#include <bit>
#include <cmath>

#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

#define INGRAD_NORMAL __device__ inline
#include "kernels/normal-inl.h"
#undef INGRAD_NORMAL

__device__ inline std::uint32_t draw32(const PhiloxKey& key, std::uint64_t sample, std::int64_t e) {
  return philox_block(key, sample, static_cast<std::uint64_t>(e) / 4)[static_cast<unsigned>(e % 4)];
}
__device__ inline std::uint64_t draw64(const PhiloxKey& key, std::uint64_t sample, std::int64_t e) {
  const PhiloxCounter c = philox_block(key, sample, static_cast<std::uint64_t>(e) / 2);
  return e % 2 == 0 ? std::uint64_t{c[1]} << 32 | c[0] : std::uint64_t{c[3]} << 32 | c[2];
}

// Calls element(key, sample, e, position in dst) for every element.
template <class Args, class Element>
void launch_elements(const Args& a, Element element) {
  const PhiloxKey key = philox_key(a.key);
  const std::uint64_t first = a.key.sample;
  const std::int64_t count = a.count;
  launch_each(a.rows * count, INGRAD_LAMBDA(std::int64_t i) {
    element(key, first + static_cast<std::uint64_t>(i / count), i % count, i);
  });
}

template <class T>
void run_uniform(const RandomArgs& a, Range) {
  const T below_high = std::nextafter(static_cast<T>(a.b), static_cast<T>(a.a));
  const double low = a.a, width = a.b - a.a;
  T* const dst = static_cast<T*>(a.dst);
  launch_elements(a, INGRAD_LAMBDA(const PhiloxKey& k, std::uint64_t s, std::int64_t e, std::int64_t at) {
    const double u = sizeof(T) == 4 ? static_cast<double>(draw32(k, s, e) >> 8) * 0x1p-24
                                    : static_cast<double>(draw64(k, s, e) >> 11) * 0x1p-53;
    const T v = static_cast<T>(low + width * u);
    dst[at] = v < below_high ? v : below_high;
  });
}

template <class T>
void run_normal(const RandomArgs& a, Range) {
  const PhiloxKey key = philox_key(a.key);
  const std::int64_t pairs = (a.count + 1) / 2;
  launch_each(a.rows * pairs, INGRAD_LAMBDA(std::int64_t i) {
    const std::int64_t row = i / pairs, e = i % pairs * 2;
    const std::uint64_t sample = a.key.sample + static_cast<std::uint64_t>(row);
    double u = 0, turn = 0, z0 = 0, z1 = 0;
    if (sizeof(T) == 4) {
      u = (static_cast<double>(draw32(key, sample, e)) + 1) * 0x1p-32;
      turn = static_cast<double>(draw32(key, sample, e + 1)) * 0x1p-32;
    } else {
      u = static_cast<double>((draw64(key, sample, e) >> 11) + 1) * 0x1p-53;
      turn = static_cast<double>(draw64(key, sample, e + 1) >> 11) * 0x1p-53;
    }
    normal_pair(u, turn, a.a, a.b, z0, z1);
    T* const dst = static_cast<T*>(a.dst) + row * a.count + e;
    dst[0] = static_cast<T>(z0);
    if (e + 1 < a.count) dst[1] = static_cast<T>(z1);
  });
}

template <class T>
void run_bernoulli(const RandomArgs& a, Range) {
  const std::uint64_t threshold = coin_threshold(a.a);
  T* const dst = static_cast<T*>(a.dst);
  launch_elements(a, INGRAD_LAMBDA(const PhiloxKey& k, std::uint64_t s, std::int64_t e, std::int64_t at) {
    dst[at] = static_cast<T>(draw32(k, s, e) < threshold ? 1 : 0);
  });
}

template <class T>
void run_dropout(const DropoutArgs& a, Range) {
  const std::uint64_t threshold = coin_threshold(1 - a.p);
  const T scale = threshold == 0 ? T(0) : static_cast<T>(1 / (1 - a.p));
  const T* const x = static_cast<const T*>(a.x);
  T* const dst = static_cast<T*>(a.dst);
  launch_elements(a, INGRAD_LAMBDA(const PhiloxKey& k, std::uint64_t s, std::int64_t e, std::int64_t at) {
    dst[at] = draw32(k, s, e) < threshold ? x[at] * scale : T(0);
  });
}

template <class T>
void run_integers(const RandomIntegerArgs& a, Range) {
  const std::uint64_t low = static_cast<std::uint64_t>(a.low), range = a.range;
  T* const dst = static_cast<T*>(a.dst);
  launch_elements(a, INGRAD_LAMBDA(const PhiloxKey& k, std::uint64_t s, std::int64_t e, std::int64_t at) {
    const std::uint64_t v = low + random_below(k, s, static_cast<std::uint64_t>(e), range);
    dst[at] = static_cast<T>(static_cast<std::int64_t>(v));
  });
}

// A shuffle is a chain of exchanges: one thread per row.
void run_permutation(const RandomIntegerArgs& a, Range) {
  const PhiloxKey key = philox_key(a.key);
  launch_each(a.rows, INGRAD_LAMBDA(std::int64_t row) {
    std::int64_t* const p = static_cast<std::int64_t*>(a.dst) + row * a.count;
    for (std::int64_t e = 0; e < a.count; ++e) p[e] = e;
    for (std::int64_t e = a.count - 1; e > 0; --e) {
      const auto bound = static_cast<std::uint64_t>(e) + 1;
      const std::uint64_t other = random_below(key, a.key.sample + static_cast<std::uint64_t>(row),
                                               static_cast<std::uint64_t>(e), bound);
      const std::int64_t v = p[e];
      p[e] = p[other];
      p[other] = v;
    }
  });
}

}  // namespace

void install_random() {
  install_floats(random_uniform, run_uniform<float>, run_uniform<double>);
  install_floats(random_normal, run_normal<float>, run_normal<double>);
  install_floats(random_bernoulli, run_bernoulli<float>, run_bernoulli<double>);
  random_bernoulli.install(DType::i32, run_bernoulli<std::int32_t>);
  random_bernoulli.install(DType::i64, run_bernoulli<std::int64_t>);
  random_bernoulli.install(DType::u8, run_bernoulli<std::uint8_t>);
  random_bernoulli.install(DType::boolean, run_bernoulli<std::uint8_t>);
  random_integers.install(DType::i32, run_integers<std::int32_t>);
  random_integers.install(DType::i64, run_integers<std::int64_t>);
  random_permutation.install(DType::i64, run_permutation);
  install_floats(dropout, run_dropout<float>, run_dropout<double>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
