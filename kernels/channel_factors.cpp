// SPDX-License-Identifier: Apache-2.0
// A few operations per channel: one loop serves as the reference and as the CPU kernel.
#include "kernels/channel_factors-inl.h"

namespace ingrad::kernels {
namespace {

template <class T>
void factors(const ChannelFactorsArgs& k, Range r) {
  for (std::int64_t c = r.begin; c < r.end; ++c) set_factors<T>(k, c);
}

template <class T>
void grad_factors(const ChannelGradFactorsArgs& k, Range r) {
  for (std::int64_t c = r.begin; c < r.end; ++c) set_grad_factors<T>(k, c);
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
