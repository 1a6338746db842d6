// SPDX-License-Identifier: Apache-2.0
// Normalisation of rows in two passes, and the affine maps per channel of batch norm with their
// factors.
#include "kernels/norm.h"

#include "kernels/channel_factors-inl.h"
#include "kernels/cuda/install.h"
#include "kernels/cuda/lines.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

template <class T>
__device__ inline T at(const void* p, std::int64_t i, T otherwise) {
  return p ? static_cast<const T*>(p)[i] : otherwise;
}
template <class T>
__device__ inline void put(void* p, std::int64_t i, T v) {
  if (p) static_cast<T*>(p)[i] = v;
}

// The channel of each element of a row.
struct RowChannels {
  std::int64_t begin, spatial;

  template <class Args>
  __device__ RowChannels(const Args& a, std::int64_t row)
      : begin(row % a.groups * a.channels), spatial(a.spatial) {}
  __device__ std::int64_t operator()(std::int64_t j) const {
    return begin + (spatial == 1 ? j : j / spatial);
  }
};

template <class T>
struct RowNorm {
  RowNormArgs a;
  template <class Threads>
  __device__ void operator()(const Threads& t, T* parts) const {
    using Index = typename Threads::Index;
    const std::int64_t n = t.n, row = t.line;
    const auto x = t.hold(static_cast<const T*>(a.x) + row * n, T(0));
    T mean = T(0), square = T(0);
    if (a.centred) {
      t.slots([&](int slot, Index j) { mean += x(slot, j); });
      mean = t.all(mean, Sum(), parts) / static_cast<T>(n);
    }
    t.slots([&](int slot, Index j) {
      const T d = t.has(j) ? x(slot, j) - mean : T(0);
      square += d * d;
    });
    square = t.all(square, Sum(), parts);
    const T rstd = T(1) / std::sqrt(square / static_cast<T>(n) + static_cast<T>(a.epsilon));
    if (t.first == 0) {
      put(a.mean, row, mean);
      put(a.rstd, row, rstd);
    }
    if (a.y == nullptr) return;
    T* const y = static_cast<T*>(a.y) + row * n;
    const RowChannels channel(a, row);
    t.each([&](int slot, Index j) {
      const std::int64_t c = channel(j);
      y[j] = (x(slot, j) - mean) * rstd * at(a.weight, c, T(1)) + at(a.bias, c, T(0));
    });
  }
};

template <class T>
struct RowNormGrad {
  RowNormGradArgs a;
  template <class Threads>
  __device__ void operator()(const Threads& t, T* parts) const {
    using Index = typename Threads::Index;
    const std::int64_t n = t.n, row = t.line;
    const T mean = at(a.mean, row, T(0)), rstd = at(a.rstd, row, T(0));
    const RowChannels channel(a, row);
    const T* const x = static_cast<const T*>(a.x) + row * n;
    const T* const dy = static_cast<const T*>(a.dy) + row * n;
    const auto scaled = t.template hold<T>(
        [&](int, Index j) { return t.has(j) ? (x[j] - mean) * rstd : T(0); });
    const auto g = t.template hold<T>(
        [&](int, Index j) { return t.has(j) ? dy[j] * at(a.weight, channel(j), T(1)) : T(0); });
    T sum = T(0), product = T(0);
    t.slots([&](int slot, Index j) {
      sum += g(slot, j);
      product += g(slot, j) * scaled(slot, j);
    });
    sum = a.centred ? t.all(sum, Sum(), parts) / static_cast<T>(n) : T(0);
    product = t.all(product, Sum(), parts) / static_cast<T>(n);
    T* const dx = static_cast<T*>(a.dx) + row * n;
    t.each([&](int slot, Index j) {
      dx[j] = rstd * (g(slot, j) - sum - scaled(slot, j) * product);
    });
  }
};

template <class T>
void run(const RowNormArgs& a, Range) {
  launch_lines<T>(a.rows, a.channels * a.spatial, 1, RowNorm<T>{a});
}
template <class T>
void run_grad(const RowNormGradArgs& a, Range) {
  launch_lines<T>(a.rows, a.channels * a.spatial, 1, RowNormGrad<T>{a});
}

template <class T>
void run_channel_affine(const ChannelAffineArgs& a, Range) {
  launch_each(
      a.batch * a.channels * a.spatial, INGRAD_LAMBDA(std::int64_t i) {
        const std::int64_t c = i / a.spatial % a.channels;
        T v = static_cast<const T*>(a.x)[i] * static_cast<const T*>(a.a)[c];
        if (a.z) v += static_cast<const T*>(a.z)[i] * static_cast<const T*>(a.b)[c];
        static_cast<T*>(a.y)[i] = v + at(a.d, c, T(0));
      });
}

template <class T>
void run_factors(const ChannelFactorsArgs& f, Range) {
  launch_each(f.channels, INGRAD_LAMBDA(std::int64_t c) { set_factors<T>(f, c); });
}

template <class T>
void run_grad_factors(const ChannelGradFactorsArgs& f, Range) {
  launch_each(f.channels, INGRAD_LAMBDA(std::int64_t c) { set_grad_factors<T>(f, c); });
}

}  // namespace

void install_norm() {
  install_floats(row_norm, run<float>, run<double>);
  install_floats(row_norm_grad, run_grad<float>, run_grad<double>);
  install_floats(channel_affine, run_channel_affine<float>, run_channel_affine<double>);
  install_floats(channel_factors, run_factors<float>, run_factors<double>);
  install_floats(channel_grad_factors, run_grad_factors<float>, run_grad_factors<double>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
