// SPDX-License-Identifier: Apache-2.0
#include "engine/dense.h"

#include "engine/device.h"
#include "engine/parallel.h"
#include "kernels/copy.h"

namespace ingrad {

void copy_elements(const Tensor& from, const Tensor& to, Backend backend, Location where) {
  if (from.size() == 0) return;
  kernels::CopyArgs args{.src = from.raw(where), .dst = to.mutable_raw(where), .rank = from.rank()};
  for (int a = 0; a < from.rank(); ++a) {
    const auto i = static_cast<std::size_t>(a);
    args.extent[i] = from.shape()[a];
    args.src_stride[i] = from.strides()[i];
    args.dst_stride[i] = to.strides()[i];
  }
  kernels::simplify(args);
  run_kernel(kernels::copy, backend, from.dtype(), args, where);
}

Tensor dense(const Tensor& t, Backend backend, Location where) {
  if (t.is_contiguous()) return t;
  const Tensor copy = Tensor::empty(t.shape(), t.dtype(), where);
  copy_elements(t, copy, backend, where);
  return copy;
}

void fill_elements(const Tensor& to, double value) {
  const kernels::FillArgs args{to.mutable_raw(), to.size(), value};
  run_kernel(kernels::fill, backend_of(to.device()), to.dtype(), args);
}

}  // namespace ingrad
