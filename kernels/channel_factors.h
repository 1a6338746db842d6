// SPDX-License-Identifier: Apache-2.0
// Batch norm as affine maps per channel (kernels/norm.h: channel_affine): from statistics and
// parameters to the factors of those maps, in double whatever the dtype.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// (x - mean) / sqrt(variance + epsilon) * weight + bias = x * a + d. All [channels]; weight (1) and
// bias (0) may be null.
struct ChannelFactorsArgs {
  const void* mean = nullptr;
  const void* variance = nullptr;
  const void* weight = nullptr;
  const void* bias = nullptr;
  void* a = nullptr;
  void* d = nullptr;
  std::int64_t channels = 0;
  double epsilon = 0;

  template <class F>
  void for_each_operand(F&& f) {
    f(mean);
    f(variance);
    f(weight);
    f(bias);
    f(a);
    f(d);
  }
};

// The gradient of that map where mean and variance are those of the n values per channel: with
// sum = sum g and product = sum g (x - mean), and r = 1 / sqrt(variance + epsilon),
//   dx = g * of_g + x * of_x + constant,   dweight = r * product
//   of_g = weight r,  of_x = -of_g r dweight / n,  constant = -of_g sum / n - of_x mean.
struct ChannelGradFactorsArgs {
  const void* mean = nullptr;
  const void* variance = nullptr;
  const void* weight = nullptr;  // or null for 1
  const void* sum = nullptr;
  const void* product = nullptr;
  void* of_g = nullptr;
  void* of_x = nullptr;
  void* constant = nullptr;
  void* dweight = nullptr;
  std::int64_t channels = 0;
  double count = 0;  // n
  double epsilon = 0;

  template <class F>
  void for_each_operand(F&& f) {
    f(mean);
    f(variance);
    f(weight);
    f(sum);
    f(product);
    f(of_g);
    f(of_x);
    f(constant);
    f(dweight);
  }
};

// dtypes f32, f64. Units: channels.
extern const Family<ChannelFactorsArgs> channel_factors;
extern const Family<ChannelGradFactorsArgs> channel_grad_factors;

}  // namespace ingrad::kernels
