// SPDX-License-Identifier: Apache-2.0
// Dropout by counter: linear in x for a given key, and its own transpose.
#include "engine/ops/random.h"

#include <fmt/format.h>

#include <bit>

#include "engine/ops/compute.h"
#include "engine/ops/describe.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/random.h"

namespace ingrad {
namespace {

std::int64_t stored(std::uint64_t v) { return std::bit_cast<std::int64_t>(v); }
std::uint64_t restored(const Attrs& attrs, const char* name) {
  return std::bit_cast<std::uint64_t>(attrs.integer(name));
}

RandomKey key_of(const Attrs& attrs) {
  return {restored(attrs, "seed"), restored(attrs, "stream"), restored(attrs, "sample"),
          restored(attrs, "draw")};
}

Attrs attributes(double p, const RandomKey& key) {
  return {{"p", p},
          {"seed", stored(key.seed)},
          {"stream", stored(key.stream)},
          {"sample", stored(key.sample)},
          {"draw", stored(key.draw)}};
}

std::vector<TensorSpec> infer(const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
  const double p = attrs.number("p");
  if (!(p >= 0 && p < 1)) {
    throw Error(fmt::format("dropout: p is {}; expected a value in [0, 1)", p), where);
  }
  if (in[0].shape.rank() == 0 || !is_floating(in[0].dtype)) {
    throw Error(fmt::format("dropout: input {}; expected floating [rows, ...]", in[0].str()),
                where);
  }
  return {in[0]};
}

std::vector<Tensor> eval(const EvalArgs& e) {
  const DType t = compute_dtype(e.inputs[0].dtype());
  const Tensor x = dense(e.inputs[0], t);
  const Tensor y = Tensor::empty(x.shape(), t, e.where);
  kernels::DropoutArgs a;
  a.x = x.raw();
  a.dst = y.mutable_raw();
  a.rows = x.dim(0);
  a.count = x.dim(0) == 0 ? 0 : x.size() / x.dim(0);
  a.key = key_of(e.attrs);
  a.p = e.attrs.number("p");
  run_kernel(kernels::dropout, e.backend, t, a, e.where);
  return {rounded(y, e.outputs[0].dtype)};
}

}  // namespace

void define_random_ops(OpTable& table) {
  table.define({
      .name = "dropout",
      .cls = OpClass::linear,
      .doc = "Elements set to zero at random by counter, the others scaled up.",
      .infer = infer,
      .eval = eval,
      .vjp =
          [](const VjpArgs& a) {
            return std::vector<Tensor>{apply1(find_op("dropout"), a.attrs, {a.cotangents[0]})};
          },
      .reads = {Reads::none()},
      .batch = rows_mix,  // a row's mask depends on its number in the batch
      .samples =
          [] {
            std::vector<Sample> out;
            for (const Shape& s : {Shape{3, 5}, Shape{7}, Shape{2, 3, 4}, Shape{0, 3}}) {
              out.push_back({attributes(0.4, {1, 2, 3, 4}), {sample_values(s)}});
            }
            return out;
          },
  });
}

Tensor dropout(const Tensor& x, double p, const RandomKey& key, Location where) {
  static const OpDef& op = find_op("dropout");
  return apply1(op, attributes(p, key), {x}, where);
}

}  // namespace ingrad
