// SPDX-License-Identifier: Apache-2.0
// Convolutions of f32 by cuDNN's graph interface.
#pragma once

#include <array>
#include <cstdint>

namespace ingrad::kernels::cuda {

// y[n][k](t) = sum_{c, r} w[k][c](r) x[n][group of k, c](t * step + r * dilation - before), zero
// outside x; leading axes of size 1 where there are fewer than three. Strides in elements; w is
// dense [k][c][r]. Compared byte by byte: no padding.
struct Convolution {
  std::int64_t images = 0, groups = 1, in_channels = 0, out_channels = 0;  // channels in all
  std::array<std::int64_t, 3> size{}, kernel{}, grid{};
  std::array<std::int64_t, 3> step{}, dilation{}, before{}, behind{};  // zeros around x
  std::array<std::int64_t, 5> x_stride{}, y_stride{};
  std::int64_t device = 0;

  bool operator<(const Convolution& other) const;
};

// Opens cuDNN; false where it is not there.
bool open_cudnn();

// Bytes of workspace on the device; -1 where cuDNN has no way that computes in full f32, always in
// the same order. So that sums do not depend on the number of images, a way is chosen for one
// number; for another the fastest takes its place that gives the same bits on random arrays.
std::int64_t cudnn_workspace(const Convolution& c);
// After cudnn_workspace(); false if it failed.
bool run_cudnn(const Convolution& c, const float* x, const float* w, float* y, void* workspace);

}  // namespace ingrad::kernels::cuda
