// SPDX-License-Identifier: Apache-2.0
// A few operations per channel: one loop serves as the reference and as the CPU kernel.
#include "kernels/channel_factors.h"

#include <cmath>

namespace ingrad::kernels {
namespace {

template <class T>
double value(const void* p, std::int64_t i, double otherwise = 0) {
  return p != nullptr ? static_cast<double>(static_cast<const T*>(p)[i]) : otherwise;
}

template <class T>
void set(void* p, std::int64_t i, double v) {
  static_cast<T*>(p)[i] = static_cast<T>(v);
}

template <class T>
void factors(const ChannelFactorsArgs& k, Range r) {
  for (std::int64_t c = r.begin; c < r.end; ++c) {
    const double a = value<T>(k.weight, c, 1) / std::sqrt(value<T>(k.variance, c) + k.epsilon);
    set<T>(k.a, c, a);
    set<T>(k.d, c, value<T>(k.bias, c) - value<T>(k.mean, c) * a);
  }
}

template <class T>
void grad_factors(const ChannelGradFactorsArgs& k, Range r) {
  for (std::int64_t c = r.begin; c < r.end; ++c) {
    const double rstd = 1 / std::sqrt(value<T>(k.variance, c) + k.epsilon);
    const double dweight = value<T>(k.product, c) * rstd;
    const double of_g = value<T>(k.weight, c, 1) * rstd;
    const double of_x = -of_g * rstd * dweight / k.count;
    set<T>(k.dweight, c, dweight);
    set<T>(k.of_g, c, of_g);
    set<T>(k.of_x, c, of_x);
    set<T>(k.constant, c, -of_g * value<T>(k.sum, c) / k.count - of_x * value<T>(k.mean, c));
  }
}

template <class Args>
std::int64_t channels(const Args& a) {
  return a.channels;
}
template <class Args>
std::int64_t cost(const Args&) {
  return 32;
}

}  // namespace

constinit const Family<ChannelFactorsArgs> channel_factors(
    "channel_factors", channels<ChannelFactorsArgs>, cost<ChannelFactorsArgs>, nullptr,
    {{Backend::reference, DType::f32, factors<float>},
     {Backend::reference, DType::f64, factors<double>},
     {Backend::cpu, DType::f32, factors<float>},
     {Backend::cpu, DType::f64, factors<double>}});

constinit const Family<ChannelGradFactorsArgs> channel_grad_factors(
    "channel_grad_factors", channels<ChannelGradFactorsArgs>, cost<ChannelGradFactorsArgs>, nullptr,
    {{Backend::reference, DType::f32, grad_factors<float>},
     {Backend::reference, DType::f64, grad_factors<double>},
     {Backend::cpu, DType::f32, grad_factors<float>},
     {Backend::cpu, DType::f64, grad_factors<double>}});

}  // namespace ingrad::kernels
