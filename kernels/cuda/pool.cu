// SPDX-License-Identifier: Apache-2.0
// Max pooling, an output per thread; pooling of pairs and its way back; signs as bits.
#include "kernels/pool.h"

#include "kernels/cuda/install.h"
#include "kernels/pair_pool.h"
#include "kernels/sign_bits.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

template <class T>
void run_max_pool(const MaxPoolArgs& given, Range) {
  MaxPoolArgs a = given;
  for (PoolAxis& axis : a.axis) {
    axis.first = device_table(axis.first, axis.out);
    axis.last = device_table(axis.last, axis.out);
  }
  const std::int64_t per_plane = a.axis[0].out * a.axis[1].out * a.axis[2].out;
  launch_each(a.planes * per_plane, INGRAD_LAMBDA(std::int64_t i) {
    const PoolAxis &z = a.axis[0], &y = a.axis[1], &x = a.axis[2];
    const auto t = static_cast<std::uint32_t>(i % per_plane);
    const auto width = static_cast<std::uint32_t>(x.out), height = static_cast<std::uint32_t>(y.out);
    const PoolWindow wz = window_of(z, t / width / height), wy = window_of(y, t / width % height),
                     wx = window_of(x, t % width);
    const T* const plane = static_cast<const T*>(a.x) + i / per_plane * z.in * y.in * x.in;
    std::int64_t best = -1;
    T most = T(0);
    for (std::int64_t iz = wz.begin; iz < wz.end; iz += wz.step) {
      for (std::int64_t iy = wy.begin; iy < wy.end; iy += wy.step) {
        for (std::int64_t ix = wx.begin; ix < wx.end; ix += wx.step) {
          const std::int64_t here = (iz * y.in + iy) * x.in + ix;
          const T v = plane[here];
          if (best < 0 || v > most || v != v) {
            best = here;
            most = v;
          }
        }
      }
    }
    static_cast<T*>(a.values)[i] = most;
    a.indices[i] = best;
  });
}

void run_pair_pool(const PairPoolArgs& a, Range) {
  const std::int64_t per_plane = a.grid[0] * a.grid[1];
  launch_each(a.planes * per_plane, INGRAD_LAMBDA(std::int64_t i) {
    const std::int64_t y = i % per_plane / a.grid[1], x = i % a.grid[1];
    const float* const from = static_cast<const float*>(a.x) +
                              i / per_plane * a.size[0] * a.size[1] + 2 * y * a.size[1] + 2 * x;
    int code = 0;
    float most = from[0];
    for (int k = 1; k < 4; ++k) {
      const float v = from[k / 2 * a.size[1] + k % 2];
      if (v > most || v != v) {
        code = k;
        most = v;
      }
    }
    static_cast<float*>(a.values)[i] = most;
    a.codes[i] = static_cast<std::uint8_t>(a.gated && !(most > 0) ? 4 : code);
  });
}

void run_pair_pool_grad(const PairPoolGradArgs& a, Range) {
  const std::int64_t per_plane = a.size[0] * a.size[1];
  launch_each(a.planes * per_plane, INGRAD_LAMBDA(std::int64_t i) {
    const std::int64_t plane = i / per_plane, y = i % per_plane / a.size[1], x = i % a.size[1];
    float v = 0;
    if (y / 2 < a.grid[0] && x / 2 < a.grid[1]) {
      const std::int64_t window = (plane * a.grid[0] + y / 2) * a.grid[1] + x / 2;
      if (a.codes[window] == y % 2 * 2 + x % 2) v = static_cast<const float*>(a.dy)[window];
    }
    static_cast<float*>(a.dx)[i] = v;
  });
}

// A byte per thread.
template <class T>
void run_sign_bits(const SignBitsArgs& a, Range) {
  launch_each((a.count + 7) / 8, INGRAD_LAMBDA(std::int64_t byte) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) {
      const std::int64_t at = byte * 8 + i;
      if (at < a.count && static_cast<const T*>(a.x)[at] > T(0)) bits |= 1u << i;
    }
    a.bits[byte] = static_cast<std::uint8_t>(bits);
  });
}

}  // namespace

void install_pool() {
  install_floats(max_pool, run_max_pool<float>, run_max_pool<double>);
  pair_pool.install(DType::f32, run_pair_pool);
  pair_pool_grad.install(DType::f32, run_pair_pool_grad);
  install_floats(sign_bits, run_sign_bits<float>, run_sign_bits<double>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
