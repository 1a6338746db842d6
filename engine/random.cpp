// SPDX-License-Identifier: Apache-2.0
#include "engine/random.h"

#include <fmt/format.h>

#include <cmath>

#include "engine/device.h"
#include "engine/parallel.h"
#include "kernels/random.h"

namespace ingrad {
namespace {

// What all fills have in common: rows along axis 0.
template <class Args>
Tensor fill_rows(const kernels::Family<Args>& family, Args args, const Shape& shape, DType dtype,
                 Location where) {
  if (shape.rank() == 0) {
    throw Error(fmt::format("{}: shape [] has no rows", family.name()), where);
  }
  const Tensor out = Tensor::empty(shape, dtype, where);
  args.dst = out.mutable_raw();
  args.rows = shape[0];
  args.count = shape[0] == 0 ? 0 : shape.size() / shape[0];
  run_kernel(family, backend_of(out.device()), dtype, args, where);
  return out;
}

kernels::RandomArgs arguments(const RandomKey& key, double a, double b) {
  kernels::RandomArgs args;
  args.key = key;
  args.a = a;
  args.b = b;
  return args;
}

}  // namespace

std::uint64_t stream_of(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

Tensor random_uniform(IntList shape, const RandomKey& key, double low, double high, DType dtype,
                      Location where) {
  if (!(low < high) || !std::isfinite(high - low)) {
    throw Error(fmt::format("random_uniform: range [{}, {}) is empty or infinite", low, high),
                where);
  }
  return fill_rows(kernels::random_uniform, arguments(key, low, high), Shape(shape.values(), where),
                   dtype, where);
}

Tensor random_normal(IntList shape, const RandomKey& key, double mean, double standard_deviation,
                     DType dtype, Location where) {
  if (!(standard_deviation >= 0) || !std::isfinite(standard_deviation) || !std::isfinite(mean)) {
    throw Error(fmt::format("random_normal: mean {} and standard deviation {}; expected finite "
                            "values, the latter not negative",
                            mean, standard_deviation),
                where);
  }
  return fill_rows(kernels::random_normal, arguments(key, mean, standard_deviation),
                   Shape(shape.values(), where), dtype, where);
}

Tensor random_bernoulli(IntList shape, const RandomKey& key, double probability, DType dtype,
                        Location where) {
  if (!(probability >= 0 && probability <= 1)) {
    throw Error(
        fmt::format("random_bernoulli: probability {}; expected a value in [0, 1]", probability),
        where);
  }
  return fill_rows(kernels::random_bernoulli, arguments(key, probability, 0),
                   Shape(shape.values(), where), dtype, where);
}

Tensor random_integers(IntList shape, const RandomKey& key, std::int64_t low, std::int64_t high,
                       DType dtype, Location where) {
  if (low >= high) {
    throw Error(fmt::format("random_integers: range [{}, {}) is empty", low, high), where);
  }
  kernels::RandomIntegerArgs args;
  args.key = key;
  args.low = low;
  args.range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  return fill_rows(kernels::random_integers, args, Shape(shape.values(), where), dtype, where);
}

Tensor random_permutation(std::int64_t count, const RandomKey& key, Location where) {
  if (count < 0) throw Error(fmt::format("random_permutation: of {} elements", count), where);
  kernels::RandomIntegerArgs args;
  args.key = key;
  const Tensor rows =
      fill_rows(kernels::random_permutation, args, Shape({1, count}, where), DType::i64, where);
  return rows.as_strided(Shape({count}, where), {1}, 0);
}

}  // namespace ingrad
