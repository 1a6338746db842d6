// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/conv_parts.h"

#include "kernels/cuda/conv_pixels.cuh"

namespace ingrad::kernels::INGRAD_DEVICE {

void pack_taps(const ConvArgs& c, const std::int64_t* tap_weight, float* packed) {
  const std::int64_t channels = c.in_channels, outputs = c.out_channels, taps = c.taps;
  const auto* const w = static_cast<const float*>(c.w);
  const std::int64_t w_group = c.w_group, w_out = c.w_out, w_in = c.w_in;
  launch_each(
      c.groups * outputs * channels * taps, INGRAD_LAMBDA(std::int64_t i) {
        const std::int64_t channel = i / taps % channels, row = i / taps / channels;
        packed[i] = w[row / outputs * w_group + row % outputs * w_out + channel * w_in +
                      tap_weight[i % taps]];
      });
}

void finish_conv(const ConvArgs& c) {
  const std::int64_t pixels = points(c), channels = c.groups * c.out_channels;
  launch_each(
      c.batch * channels * pixels, INGRAD_LAMBDA(std::int64_t i) {
        // Neighbouring threads have neighbouring points of one channel of an image.
        const std::int64_t plane = i / pixels, channel = plane % channels;
        Pixel pixel = Pixel::of(c, i - plane * pixels);
        pixel.image = plane / channels;
        const std::int64_t at = pixel.out(c) + channel * c.out_channel;
        float* const out = static_cast<float*>(c.out);
        out[at] = finished(c, out[at], channel, at);
      });
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
