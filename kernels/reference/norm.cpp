// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/norm.h"

#include <cmath>

namespace ingrad::kernels::reference {
namespace {

template <class T>
double at(const void* p, std::int64_t i, double otherwise) {
  return p ? double{static_cast<const T*>(p)[i]} : otherwise;
}

template <class T>
void put(void* p, std::int64_t i, double v) {
  if (p) static_cast<T*>(p)[i] = static_cast<T>(v);
}

template <class T>
void row_norm(const RowNormArgs& a, Range r) {
  const std::int64_t n = a.channels * a.spatial;
  for (std::int64_t row = r.begin; row < r.end; ++row) {
    const T* x = static_cast<const T*>(a.x) + row * n;
    double mean = 0, square = 0;
    if (a.centred) {
      for (std::int64_t j = 0; j < n; ++j) mean += x[j];
      mean /= static_cast<double>(n);
    }
    for (std::int64_t j = 0; j < n; ++j) square += (x[j] - mean) * (x[j] - mean);
    const double rstd = 1 / std::sqrt(square / static_cast<double>(n) + a.epsilon);
    put<T>(a.mean, row, mean);
    put<T>(a.rstd, row, rstd);
    for (std::int64_t j = 0; j < n; ++j) {
      const std::int64_t c = row % a.groups * a.channels + j / a.spatial;
      put<T>(a.y, row * n + j,
             (x[j] - mean) * rstd * at<T>(a.weight, c, 1) + at<T>(a.bias, c, 0));
    }
  }
}

template <class T>
void row_norm_grad(const RowNormGradArgs& a, Range r) {
  const std::int64_t n = a.channels * a.spatial;
  for (std::int64_t row = r.begin; row < r.end; ++row) {
    const double mean = at<T>(a.mean, row, 0), rstd = at<T>(a.rstd, row, 0);
    double sum = 0, product = 0;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t j = 0; j < n; ++j) {
        const std::int64_t c = row % a.groups * a.channels + j / a.spatial;
        const double g = at<T>(a.dy, row * n + j, 0) * at<T>(a.weight, c, 1);
        const double h = (at<T>(a.x, row * n + j, 0) - mean) * rstd;
        if (pass == 0) {
          sum += a.centred ? g / static_cast<double>(n) : 0;
          product += g * h / static_cast<double>(n);
        } else {
          put<T>(a.dx, row * n + j, rstd * (g - sum - h * product));
        }
      }
    }
  }
}

template <class T>
void channel_affine(const ChannelAffineArgs& a, Range r) {
  for (std::int64_t plane = r.begin; plane < r.end; ++plane) {
    const std::int64_t c = plane % a.channels;
    for (std::int64_t i = plane * a.spatial; i < (plane + 1) * a.spatial; ++i) {
      put<T>(a.y, i,
             at<T>(a.x, i, 0) * at<T>(a.a, c, 1) + at<T>(a.z, i, 0) * at<T>(a.b, c, 0) +
                 at<T>(a.d, c, 0));
    }
  }
}

}  // namespace

void row_norm_f32(const RowNormArgs& a, Range r) { row_norm<float>(a, r); }
void row_norm_f64(const RowNormArgs& a, Range r) { row_norm<double>(a, r); }
void row_norm_grad_f32(const RowNormGradArgs& a, Range r) { row_norm_grad<float>(a, r); }
void row_norm_grad_f64(const RowNormGradArgs& a, Range r) { row_norm_grad<double>(a, r); }
void channel_affine_f32(const ChannelAffineArgs& a, Range r) { channel_affine<float>(a, r); }
void channel_affine_f64(const ChannelAffineArgs& a, Range r) { channel_affine<double>(a, r); }

}  // namespace ingrad::kernels::reference
