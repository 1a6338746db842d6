// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/conv_kernels.h"

#include "engine/parallel.h"

namespace ingrad {
namespace {

Axes3 spatial_of(const Shape& s, std::int64_t fallback = 1) {
  Axes3 e{fallback, fallback, fallback};
  const int n = s.rank() - 2;
  for (int i = 0; i < n; ++i) e[static_cast<std::size_t>(3 - n + i)] = s[2 + i];
  return e;
}

Axes3 attr3(const std::vector<std::int64_t>& v, std::int64_t fallback) {
  Axes3 e{fallback, fallback, fallback};
  for (std::size_t i = 0; i < v.size(); ++i) e[3 - v.size() + i] = v[i];
  return e;
}

struct Taps {
  std::vector<std::int64_t> offset;  // [n][3]
  std::vector<std::int64_t> weight;  // [n]
};

template <class Body>
void for_each3(const Axes3& extent, Body body) {
  for (std::int64_t z = 0; z < extent[0]; ++z) {
    for (std::int64_t y = 0; y < extent[1]; ++y) {
      for (std::int64_t x = 0; x < extent[2]; ++x) body(Axes3{z, y, x});
    }
  }
}

Taps forward_taps(const ConvGeometry& g) {
  Taps t;
  for_each3(g.kernel, [&](const Axes3& k) {
    for (std::size_t a = 0; a < 3; ++a) t.offset.push_back(k[a] * g.dilation[a] - g.low[a]);
    t.weight.push_back(static_cast<std::int64_t>(t.weight.size()));
  });
  return t;
}

template <class Args>
void set_common(Args& a, const ConvGeometry& g, const Taps& taps) {
  a.batch = g.batch;
  a.groups = g.groups;
  a.taps = static_cast<std::int64_t>(taps.weight.size());
  a.tap_offset = taps.offset.data();
  a.tap_weight = taps.weight.data();
}

// x * w: grid over y.
template <class Args>
void set_forward(Args& a, const ConvGeometry& g, const Taps& taps) {
  set_common(a, g, taps);
  a.in_channels = g.in_channels;
  a.out_channels = g.out_channels;
  a.size = g.in;
  a.grid = g.out;
  a.step = g.stride;
  a.src_channel = g.in_points();
  a.src_batch = a.src_channel * g.in_channels * g.groups;
  a.w_in = g.taps();
  a.w_out = a.w_in * g.in_channels;
  a.w_group = a.w_out * g.out_channels;
  a.out_channel = g.out_points();
  a.out_batch = a.out_channel * g.out_channels * g.groups;
  a.out_step = {g.out[1] * g.out[2], g.out[2], 1};
}

void set_epilogue(kernels::ConvArgs& a, const ConvEpilogue& e) {
  a.bias = e.bias.defined() ? e.bias.raw() : nullptr;
  a.residual = e.residual.defined() ? e.residual.raw() : nullptr;
  a.activation = e.relu ? kernels::Activation::relu : kernels::Activation::none;
  a.gate = e.gate.defined() ? static_cast<const std::uint8_t*>(e.gate.raw()) : nullptr;
}

}  // namespace

ConvGeometry conv_geometry(const Attrs& attrs, const Shape& x, const Shape& w, const Shape& y) {
  ConvGeometry g;
  g.batch = x[0];
  g.groups = attrs.integer("groups");
  g.in_channels = x[1] / g.groups;
  g.out_channels = w[0] / g.groups;
  g.in = spatial_of(x);
  g.kernel = spatial_of(w);
  g.out = spatial_of(y);
  g.stride = attr3(attrs.ints("stride"), 1);
  g.low = attr3(attrs.ints("padding_low"), 0);
  g.dilation = attr3(attrs.ints("dilation"), 1);
  return g;
}

void run_conv(const EvalArgs& e, const ConvGeometry& g, const Tensor& x, const Tensor& w,
              const ConvEpilogue& epilogue, const Tensor& y, const ConvFamily& family) {
  const Taps taps = forward_taps(g);
  kernels::ConvArgs a;
  set_forward(a, g, taps);
  a.src = x.raw();
  a.w = w.raw();
  set_epilogue(a, epilogue);
  a.out = y.mutable_raw();
  run_kernel(family, e.backend, y.dtype(), a, e.where);
}

// One kernel call per phase of the stride: input point p + stride * t hears of output point
// t + (p + low - k * dilation) / stride through every tap k for which that division is exact.
void run_conv_data_grad(const EvalArgs& e, const ConvGeometry& g, const Tensor& dy, const Tensor& w,
                        const ConvEpilogue& epilogue, const Tensor& dx, const ConvFamily& family) {
  for_each3(g.stride, [&](const Axes3& phase) {
    kernels::ConvArgs a;
    Taps taps;
    std::int64_t number = 0;
    for_each3(g.kernel, [&](const Axes3& k) {
      Axes3 offset{};
      bool meets = true;
      for (std::size_t i = 0; i < 3; ++i) {
        const std::int64_t distance = phase[i] + g.low[i] - k[i] * g.dilation[i];
        meets = meets && distance % g.stride[i] == 0;
        offset[i] = distance / g.stride[i];
      }
      if (meets) {
        taps.offset.insert(taps.offset.end(), offset.begin(), offset.end());
        taps.weight.push_back(number);
      }
      ++number;
    });
    set_common(a, g, taps);
    a.in_channels = g.out_channels;
    a.out_channels = g.in_channels;
    a.size = g.out;
    for (std::size_t i = 0; i < 3; ++i) {
      a.grid[i] = phase[i] < g.in[i] ? (g.in[i] - phase[i] + g.stride[i] - 1) / g.stride[i] : 0;
      a.step[i] = 1;
    }
    a.src_channel = g.out_points();
    a.src_batch = a.src_channel * g.out_channels * g.groups;
    a.w_out = g.taps();
    a.w_in = a.w_out * g.in_channels;
    a.w_group = a.w_in * g.out_channels;
    a.out_channel = g.in_points();
    a.out_batch = a.out_channel * g.in_channels * g.groups;
    const Axes3 dense_step{g.in[1] * g.in[2], g.in[2], 1};
    for (std::size_t i = 0; i < 3; ++i) {
      a.out_step[i] = dense_step[i] * g.stride[i];
      a.out_base += phase[i] * dense_step[i];
    }
    a.src = dy.raw();
    a.w = w.raw();
    a.out = dx.mutable_raw();
    set_epilogue(a, epilogue);
    run_kernel(family, e.backend, dx.dtype(), a, e.where);
  });
}

void run_conv_weight_grad(const EvalArgs& e, const ConvGeometry& g, const Tensor& x,
                          const Tensor& dy, const Tensor& dw) {
  const Taps taps = forward_taps(g);
  kernels::ConvWeightGradArgs a;
  set_forward(a, g, taps);
  a.src = x.raw();
  a.out = dy.raw();
  a.w = dw.mutable_raw();
  run_kernel(kernels::conv_weight_grad, e.backend, dw.dtype(), a, e.where);
}

}  // namespace ingrad
