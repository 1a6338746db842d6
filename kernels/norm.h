// SPDX-License-Identifier: Apache-2.0
// Normalisation of rows (layer, group, instance and RMS norm) with its backward pass, and the
// per-channel affine map of batch norm. Statistics of batch norm are reductions (kernels/reduce.h).
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// x is [rows][n], contiguous, n = channels * spatial; row r belongs to group r % groups, and its
// element j to channel (r % groups) * channels + j / spatial.
//   mean = sum x / n (0 unless `centred`),  rstd = 1 / sqrt(sum (x - mean)^2 / n + epsilon)
//   y = (x - mean) * rstd * weight[channel] + bias[channel]
// Two passes over each row, so the variance has no cancellation. y may equal x, or be null: only
// the statistics are wanted.
struct RowNormArgs {
  const void* x = nullptr;
  const void* weight = nullptr;  // [groups * channels] or null for 1
  const void* bias = nullptr;    // likewise, or null for 0
  void* y = nullptr;
  void* mean = nullptr;  // [rows] or null: not wanted
  void* rstd = nullptr;  // likewise
  std::int64_t rows = 0, groups = 1, channels = 0, spatial = 1;
  double epsilon = 0;
  bool centred = true;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(weight);
    f(bias);
    f(y);
    f(mean);
    f(rstd);
  }
};

// With g = dy * weight and h = (x - mean) * rstd:
//   dx = rstd * (g - sum g / n - h * sum(g h) / n), without the second term unless `centred`.
// dx overlaps neither x nor dy.
struct RowNormGradArgs {
  const void* x = nullptr;
  const void* dy = nullptr;
  const void* mean = nullptr;    // [rows], null unless centred
  const void* rstd = nullptr;    // [rows]
  const void* weight = nullptr;  // as above
  void* dx = nullptr;
  std::int64_t rows = 0, groups = 1, channels = 0, spatial = 1;
  bool centred = true;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(dy);
    f(mean);
    f(rstd);
    f(weight);
    f(dx);
  }
};

// y[n][c][s] = x[n][c][s] * a[c] + z[n][c][s] * b[c] + d[c], contiguous; z and b may be null
// together, d may be null. y may equal x or z.
struct ChannelAffineArgs {
  const void* x = nullptr;
  const void* z = nullptr;
  const void* a = nullptr;
  const void* b = nullptr;
  const void* d = nullptr;
  void* y = nullptr;
  std::int64_t batch = 0, channels = 0, spatial = 1;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(z);
    f(a);
    f(b);
    f(d);
    f(y);
  }
};

// dtypes f32, f64. Units: rows; planes (n, c) of channel_affine.
extern const Family<RowNormArgs> row_norm;
extern const Family<RowNormGradArgs> row_norm_grad;
extern const Family<ChannelAffineArgs> channel_affine;

}  // namespace ingrad::kernels
