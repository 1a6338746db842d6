// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/describe.h"

#include <algorithm>
#include <numeric>

namespace ingrad {
namespace {

std::uint64_t mixed(std::uint64_t z) {  // the finaliser of SplitMix64
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

BatchBehaviour rows_stay_apart(const Attrs&, std::span<const TensorSpec>) {
  return BatchBehaviour::per_row;
}
BatchBehaviour rows_mix(const Attrs&, std::span<const TensorSpec>) {
  return BatchBehaviour::mixes_rows;
}
BatchBehaviour rows_mix_along_axis(const Attrs& attrs, std::span<const TensorSpec>) {
  return attrs.integer("axis") == 0 ? BatchBehaviour::mixes_rows : BatchBehaviour::per_row;
}

AxisView around(const Shape& shape, int axis) {
  AxisView v;
  for (int a = 0; a < axis; ++a) v.outer *= shape[a];
  v.extent = shape[axis];
  for (int a = axis + 1; a < shape.rank(); ++a) v.inner *= shape[a];
  return v;
}

Tensor sample_values(const Shape& shape, std::uint64_t seed) {
  const auto n = static_cast<std::size_t>(shape.size());
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i)
    std::swap(order[i - 1], order[mixed(seed * 1315423911u + i) % i]);
  std::vector<double> v(n);
  for (std::size_t i = 0; i < n; ++i) {
    // Off the multiples of a simple fraction, so that no value is an integer or zero.
    v[i] = -2 + 4 * (static_cast<double>(order[i]) + 0.37) / static_cast<double>(n);
  }
  return Tensor::from<double>(v, shape);
}

Tensor sample_indices(const Shape& shape, std::int64_t bound, std::uint64_t seed) {
  std::vector<std::int64_t> v(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < v.size(); ++i) {
    v[i] = static_cast<std::int64_t>(mixed(seed + 0x9e3779b97f4a7c15ull * (i + 1)) %
                                     static_cast<std::uint64_t>(bound));
  }
  return Tensor::from<std::int64_t>(v, shape);
}

}  // namespace ingrad
