// SPDX-License-Identifier: Apache-2.0
// Convolutions by cuDNN, forward and data gradients: taps that form a box become a kernel, weights
// are gathered where they do not lie as cuDNN wants them, and what follows the sum is a kernel of
// ours, as cuDNN fuses that for tensor cores only.
#include <cstdlib>
#include <optional>
#include <vector>

#include "kernels/conv.h"
#include "kernels/cuda/conv_few.h"
#include "kernels/cuda/conv_parts.h"
#include "kernels/cuda/vendor/cudnn_plan.h"
#include "kernels/cuda/vendor/install.h"

namespace ingrad::kernels::cuda {
namespace {

// Taps on a regular grid: kernel[a] of them along each axis, from `first` on in steps of `spacing`.
struct Box {
  std::array<std::int64_t, 3> kernel{}, first{}, spacing{};
  std::vector<std::int64_t> tap;  // at each place of the box, the last axis fastest
};

std::optional<Box> box_of(const ConvArgs& c) {
  Box box;
  const auto offset = [&](std::int64_t tap, std::size_t axis) {
    return c.tap_offset[tap * 3 + static_cast<std::int64_t>(axis)];
  };
  // Taps come with the last axis fastest, each axis up or down.
  std::array<std::int64_t, 3> stride{};
  std::int64_t below = 1;
  for (std::size_t axis = 3; axis-- > 0;) {
    std::int64_t n = 1;
    while (n * below < c.taps && offset(n * below, axis) != offset(0, axis)) ++n;
    stride[axis] = below;
    box.kernel[axis] = n;
    box.spacing[axis] = n > 1 ? offset(below, axis) - offset(0, axis) : 1;
    below *= n;
  }
  if (below != c.taps) return std::nullopt;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t last = (box.kernel[axis] - 1) * box.spacing[axis];
    box.first[axis] = offset(0, axis) + (last < 0 ? last : 0);
  }
  for (std::int64_t place = 0; place < c.taps; ++place) {
    std::int64_t tap = 0;
    std::array<std::int64_t, 3> at{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t i = place / stride[axis] % box.kernel[axis];
      at[axis] = box.first[axis] + i * std::abs(box.spacing[axis]);
      tap += stride[axis] * (box.spacing[axis] < 0 ? box.kernel[axis] - 1 - i : i);
    }
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (offset(tap, axis) != at[axis]) return std::nullopt;
    }
    box.tap.push_back(tap);
  }
  for (std::int64_t& s : box.spacing) s = std::abs(s);
  return box;
}

// Moves the start of src to where the first tap reads, if that is inside.
Convolution convolution_of(const ConvArgs& c, const Box& box, std::int64_t& src_shift) {
  Convolution v;
  v.images = c.batch, v.groups = c.groups;
  v.in_channels = c.groups * c.in_channels, v.out_channels = c.groups * c.out_channels;
  v.kernel = box.kernel, v.grid = c.grid, v.step = c.step, v.dilation = box.spacing;
  v.x_stride = {c.src_batch, c.src_channel, c.size[1] * c.size[2], c.size[2], 1};
  v.y_stride = {c.out_batch, c.out_channel, c.out_step[0], c.out_step[1], c.out_step[2]};
  src_shift = 0;
  for (std::size_t a = 0; a < 3; ++a) {
    const std::int64_t skipped = std::max<std::int64_t>(box.first[a], 0);
    src_shift += skipped * v.x_stride[a + 2];
    v.before[a] = std::max<std::int64_t>(-box.first[a], 0);
    // Elements that are read, of those that are there; the rest are zeros behind.
    const std::int64_t reach = (c.grid[a] - 1) * c.step[a] + box.first[a] +
                               (box.kernel[a] - 1) * box.spacing[a] + 1 - skipped;
    v.size[a] = std::min(reach, c.size[a] - skipped);
    v.behind[a] = reach - v.size[a];
  }
  return v;
}

bool lies_packed(const ConvArgs& c, const Box& box) {
  if (c.w_in != c.taps || c.w_out != c.in_channels * c.taps ||
      (c.groups > 1 && c.w_group != c.out_channels * c.w_out)) {
    return false;
  }
  for (std::int64_t i = 0; i < c.taps; ++i) {
    if (c.tap_weight[box.tap[static_cast<std::size_t>(i)]] != i) return false;
  }
  return true;
}

bool convolve(const ConvArgs& c) {
  // For rows with gaps, as the phases of a strided data gradient write them, cuDNN computes dense
  // ones and moves them: 2.7 ms of 33 in ResNet-18 at 224 x 224 (H100).
  if (c.out_step[2] != 1 && c.grid[2] > 1) return false;
  if (c.taps == 0 || c.batch * c.grid[0] * c.grid[1] * c.grid[2] == 0 || c.out_channels == 0 ||
      c.in_channels == 0 || has_few_outputs(c)) {
    return false;
  }
  const std::optional<Box> box = box_of(c);
  if (!box) return false;
  std::int64_t src_shift = 0;
  Convolution v = convolution_of(c, *box, src_shift);
  if (std::min({v.size[0], v.size[1], v.size[2]}) < 1) return false;
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return false;
  v.device = device;
  const std::int64_t workspace = cudnn_workspace(v);
  if (workspace < 0) return false;
  const auto* w = static_cast<const float*>(c.w);
  const std::int64_t weights =
      lies_packed(c, *box) ? 0 : (v.out_channels * c.in_channels * c.taps * 4 + 255) / 256 * 256;
  std::byte* scratch = nullptr;
  if (weights + workspace > 0) {
    scratch = static_cast<std::byte*>(device_scratch(weights + workspace));
  }
  if (weights > 0) {
    std::vector<std::int64_t> order;
    for (const std::int64_t tap : box->tap) order.push_back(c.tap_weight[tap]);
    auto* const packed = reinterpret_cast<float*>(scratch);
    pack_taps(c, device_table(order.data(), c.taps), packed);
    w = packed;
  }
  if (!run_cudnn(v, static_cast<const float*>(c.src) + src_shift, w,
                 static_cast<float*>(c.out) + c.out_base, scratch + weights)) {
    return false;
  }
  if (c.bias || c.residual || c.gate || c.activation != Activation::none) finish_conv(c);
  return true;
}

Family<ConvArgs>::Fn own = nullptr;

void run(const ConvArgs& c, Range r) {
  if (!convolve(c)) own(c, r);
}

}  // namespace

bool install_cudnn() {
  if (!libraries_wanted() || !open_cudnn()) return false;
  own = conv.at(Backend::cuda, DType::f32);
  conv.install(DType::f32, run);
  return true;
}

}  // namespace ingrad::kernels::cuda
