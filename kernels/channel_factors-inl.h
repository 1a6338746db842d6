// SPDX-License-Identifier: Apache-2.0
// What one channel's factors are, for every back end.
#pragma once

#include <cmath>

#include "kernels/channel_factors.h"
#include "kernels/host_device.h"

namespace ingrad::kernels {

template <class T>
INGRAD_HOST_DEVICE inline double channel_value(const void* p, std::int64_t c, double otherwise = 0) {
  return p != nullptr ? static_cast<double>(static_cast<const T*>(p)[c]) : otherwise;
}

template <class T>
INGRAD_HOST_DEVICE inline void set_channel(void* p, std::int64_t c, double v) {
  static_cast<T*>(p)[c] = static_cast<T>(v);
}

template <class T>
INGRAD_HOST_DEVICE inline void set_factors(const ChannelFactorsArgs& k, std::int64_t c) {
  const double a = channel_value<T>(k.weight, c, 1) /
                   std::sqrt(channel_value<T>(k.variance, c) + k.epsilon);
  set_channel<T>(k.a, c, a);
  set_channel<T>(k.d, c, channel_value<T>(k.bias, c) - channel_value<T>(k.mean, c) * a);
}

template <class T>
INGRAD_HOST_DEVICE inline void set_grad_factors(const ChannelGradFactorsArgs& k, std::int64_t c) {
  const double rstd = 1 / std::sqrt(channel_value<T>(k.variance, c) + k.epsilon);
  const double dweight = channel_value<T>(k.product, c) * rstd;
  const double of_g = channel_value<T>(k.weight, c, 1) * rstd;
  const double of_x = -of_g * rstd * dweight / k.count;
  set_channel<T>(k.dweight, c, dweight);
  set_channel<T>(k.of_g, c, of_g);
  set_channel<T>(k.of_x, c, of_x);
  set_channel<T>(k.constant, c,
                 -of_g * channel_value<T>(k.sum, c) / k.count - of_x * channel_value<T>(k.mean, c));
}

}  // namespace ingrad::kernels
