// SPDX-License-Identifier: Apache-2.0
// Max pooling. (Average pooling is a resampling: kernels/resample.h.)
#pragma once

#include "kernels/host_device.h"
#include "kernels/kernel.h"

namespace ingrad::kernels {

// One axis of the windows: output t looks at the inputs t * stride + k * dilation - padding for
// k < kernel, those that exist; or, when `first` is given, at [first[t], last[t]).
struct PoolAxis {
  std::int64_t in = 1, out = 1;
  std::int64_t kernel = 1, stride = 1, dilation = 1, padding = 0;
  const std::int64_t* first = nullptr;  // [out], adaptive windows; they are not empty
  const std::int64_t* last = nullptr;   // [out]
};

// The existing inputs that output t of an axis looks at: begin, begin + step, ... below end.
struct PoolWindow {
  std::int64_t begin, end, step;
};
INGRAD_HOST_DEVICE inline PoolWindow window_of(const PoolAxis& a, std::int64_t t) {
  if (a.first != nullptr) return {a.first[t], a.last[t], 1};
  const std::int64_t start = t * a.stride - a.padding;
  const std::int64_t past = start + (a.kernel - 1) * a.dilation + 1;
  const std::int64_t skipped = start < 0 ? (a.dilation - 1 - start) / a.dilation : 0;
  return {start + skipped * a.dilation, past < a.in ? past : a.in, a.dilation};
}

// values[p][t] = max of x[p] over the window of t; indices[p][t] = its position in the plane, flat
// in row-major order. The first maximum in row-major window order wins, a NaN beats any number and
// a later NaN an earlier one (as in PyTorch); padding never wins. Every window must hold at least
// one input. Three axes always, leading ones of extent 1.
struct MaxPoolArgs {
  const void* x = nullptr;          // [planes][in0][in1][in2]
  void* values = nullptr;           // [planes][out0][out1][out2]
  std::int64_t* indices = nullptr;  // likewise
  std::int64_t planes = 0;
  std::array<PoolAxis, 3> axis{};

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(values);
    f(indices);
  }
  template <class F>
  void for_each_table(F&& f) {
    for (PoolAxis& a : axis) {
      f(a.first, a.out);
      f(a.last, a.out);
    }
  }
};

// dtypes f32, f64. One unit is one row of the last output axis.
extern const Family<MaxPoolArgs> max_pool;

}  // namespace ingrad::kernels
