// SPDX-License-Identifier: Apache-2.0
#include "engine/random.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/parallel.h"
#include "kernels/random.h"

namespace ingrad {
namespace {

Tensor filled(const kernels::Family<kernels::RandomArgs>& family, const RandomKey& key,
              const Shape& shape, double a, double b, DType dtype, Location where) {
  if (shape.rank() == 0) {
    throw Error(fmt::format("{}: shape [] has no rows", family.name()), where);
  }
  const Tensor out = Tensor::empty(shape, dtype, where);
  kernels::RandomArgs args;
  args.dst = out.mutable_raw();
  args.rows = shape[0];
  args.count = shape[0] == 0 ? 0 : shape.size() / shape[0];
  args.key = key;
  args.a = a;
  args.b = b;
  run_kernel(family, kernels::Backend::cpu, dtype, args, where);
  return out;
}

}  // namespace

Tensor random_uniform(const RandomKey& key, const Shape& shape, double low, double high,
                      DType dtype, Location where) {
  if (!(low < high) || !std::isfinite(high - low)) {
    throw Error(fmt::format("random_uniform: range [{}, {}) is empty or infinite", low, high), where);
  }
  return filled(kernels::random_uniform, key, shape, low, high, dtype, where);
}

Tensor random_normal(const RandomKey& key, const Shape& shape, double mean,
                     double standard_deviation, DType dtype, Location where) {
  if (!(standard_deviation >= 0) || !std::isfinite(standard_deviation) || !std::isfinite(mean)) {
    throw Error(fmt::format("random_normal: mean {} and standard deviation {}; expected finite "
                            "values, the latter not negative",
                            mean, standard_deviation),
                where);
  }
  return filled(kernels::random_normal, key, shape, mean, standard_deviation, dtype, where);
}

}  // namespace ingrad
