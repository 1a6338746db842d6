// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/compute.h"

#include <cmath>

#include "engine/ops/elementwise.h"

namespace ingrad {

Tensor dense(const Tensor& x, DType dtype) {
  const Tensor plain = x.detach();
  return plain.dtype() == dtype ? contiguous(plain) : cast(plain, dtype);
}

Tensor rounded(const Tensor& x, DType dtype) { return x.dtype() == dtype ? x : cast(x, dtype); }

Tensor scaled_values(const Shape& shape, double scale, double shift, int seed) {
  std::vector<double> v(static_cast<std::size_t>(shape.size()));
  // Multiples of the golden ratio modulo one never come close to each other.
  double x = 0.137 * seed;
  for (double& value : v) {
    x += 0.6180339887498949;
    x -= std::floor(x);
    value = shift + scale * (2 * x - 1);
  }
  return Tensor::from<double>(v, shape);
}

}  // namespace ingrad
