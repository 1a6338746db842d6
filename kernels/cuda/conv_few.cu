// SPDX-License-Identifier: Apache-2.0
// A thread computes all channels of some grid points: what it reads of the image serves them all.
// Channels come in small groups, so that the image's elements stay in the first cache from one tap
// to the next.
#include "kernels/cuda/conv_few.h"

#include "kernels/cuda/conv_pixels.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

constexpr int kFew = 4, kPixels = 4, kChannels = 8;
constexpr std::int64_t kMostTaps = 128;

template <class T, int kOut>
__global__ void __launch_bounds__(kBlock) few(ConvArgs c) {
  INGRAD_DYNAMIC_SHARED(T, weights);  // [tap][channel of the group][kOut]
  const std::int64_t pixels = c.batch * points(c);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kPixels * kBlock + threadIdx.x;
  Pixel pixel[kPixels];
  T sum[kPixels][kOut] = {};
  INGRAD_UNROLL
  for (int j = 0; j < kPixels; ++j) {
    const std::int64_t p = first + j * static_cast<std::int64_t>(kBlock);
    pixel[j] = Pixel::of(c, p < pixels ? p : 0);
  }
  for (std::int64_t group = 0; group < c.in_channels; group += kChannels) {
    const int channels =
        static_cast<int>(c.in_channels - group < kChannels ? c.in_channels - group : kChannels);
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < c.taps * kChannels * kOut;
         i += static_cast<int>(kBlock)) {
      const int m = i % kOut, channel = i / kOut % kChannels, tap = i / kOut / kChannels;
      weights[i] = channel < channels
                       ? static_cast<const T*>(
                             c.w)[m * c.w_out + (group + channel) * c.w_in + c.tap_weight[tap]]
                       : T(0);
    }
    __syncthreads();
    for (int tap = 0; tap < c.taps; ++tap) {
      const T* source[kPixels];
      INGRAD_UNROLL
      for (int j = 0; j < kPixels; ++j) {
        const std::int64_t at = pixel[j].source(c, tap);
        source[j] = at < 0 ? nullptr
                           : static_cast<const T*>(c.src) + pixel[j].image * c.src_batch +
                                 group * c.src_channel + at;
      }
      INGRAD_UNROLL
      for (int channel = 0; channel < kChannels; ++channel) {
        const T* const w = weights + (tap * kChannels + channel) * kOut;
        INGRAD_UNROLL
        for (int j = 0; j < kPixels; ++j) {
          const T x = source[j] != nullptr && channel < channels
                          ? source[j][channel * c.src_channel]
                          : T(0);
          INGRAD_UNROLL
          for (int m = 0; m < kOut; ++m) sum[j][m] += w[m] * x;
        }
      }
    }
  }
  INGRAD_UNROLL
  for (int j = 0; j < kPixels; ++j) {
    if (first + j * static_cast<std::int64_t>(kBlock) >= pixels) continue;
    const std::int64_t base = pixel[j].out(c);
    INGRAD_UNROLL
    for (int m = 0; m < kOut; ++m) {
      const std::int64_t at = base + m * c.out_channel;
      static_cast<T*>(c.out)[at] = finished(c, sum[j][m], m, at);
    }
  }
}

template <class T, int kOut>
void launch_few(const ConvArgs& c) {
  const std::int64_t pixels = c.batch * c.grid[0] * c.grid[1] * c.grid[2];
  const auto shared = static_cast<std::size_t>(c.taps * kChannels * kOut) * sizeof(T);
  launch(few<T, kOut>, blocks_for(pixels, kPixels * static_cast<std::int64_t>(kBlock)), kBlock,
         shared, c);
}

}  // namespace

bool has_few_outputs(const ConvArgs& c) {
  return c.groups == 1 && c.out_channels <= kFew && c.taps <= kMostTaps &&
         c.in_channels >= kChannels;
}

template <class T>
void conv_few(const ConvArgs& c) {
  switch (c.out_channels) {
    case 1: return launch_few<T, 1>(c);
    case 2: return launch_few<T, 2>(c);
    case 3: return launch_few<T, 3>(c);
    default: return launch_few<T, 4>(c);
  }
}
template void conv_few<float>(const ConvArgs& c);
template void conv_few<double>(const ConvArgs& c);

}  // namespace ingrad::kernels::INGRAD_DEVICE
