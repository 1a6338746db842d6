// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/sort.h"

#include <fmt/format.h>

#include "engine/ops/compute.h"
#include "engine/ops/describe.h"
#include "engine/ops/index.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/sort.h"

namespace ingrad {
namespace {

std::vector<TensorSpec> infer(const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
  const TensorSpec& x = in[0];
  if (x.dtype == DType::mask) throw Error("sort: masks have no order", where);
  const int axis = normalize_axis("sort", attrs.integer("axis"), x.shape.rank(), where);
  const std::int64_t count = attrs.integer("count"), extent = x.shape[axis];
  if (count < 0 || count > extent) {
    throw Error(fmt::format("topk: k is {}; axis {} of {} has {} elements", count, axis,
                            x.shape.str(), extent),
                where);
  }
  if (extent >= std::int64_t{1} << 32) {
    throw Error(fmt::format("sort: axis {} of {} is too long", axis, x.shape.str()), where);
  }
  const Shape shape = x.shape.with(axis, count);
  return {{shape, x.dtype, x.device}, {shape, DType::i64, x.device}};
}

std::vector<Tensor> eval(const EvalArgs& a) {
  const TensorSpec& spec = a.outputs[0];
  const Tensor x = dense(a.inputs[0], spec.dtype);
  const Tensor values = Tensor::empty(spec.shape, spec.dtype, a.where);
  const Tensor indices = Tensor::empty(spec.shape, DType::i64, a.where);
  if (values.size() > 0) {
    const AxisView v = around(x.shape(), static_cast<int>(a.attrs.integer("axis")));
    const kernels::SortArgs args{x.raw(a.where),
                                 values.mutable_raw(a.where),
                                 static_cast<std::int64_t*>(indices.mutable_raw(a.where)),
                                 v.outer,
                                 v.extent,
                                 v.inner,
                                 a.attrs.integer("count"),
                                 a.attrs.flag("descending")};
    run_kernel(kernels::sort, a.backend, spec.dtype, args, a.where);
  }
  return {values, indices};
}

std::vector<Tensor> vjp(const VjpArgs& a) {
  static const OpDef& scatter = find_op("scatter_sum");
  if (!a.cotangents[0].defined()) return {Tensor()};
  const std::int64_t axis = a.attrs.integer("axis");
  return {apply1(scatter, {{"axis", axis}, {"extent", a.inputs[0].dim(axis)}},
                 {a.outputs[1], a.cotangents[0]})};
}

std::vector<Tensor> jvp(const JvpArgs& a) {
  return {gather(a.tangents[0], a.attrs.integer("axis"), a.outputs[1]), Tensor()};
}

std::vector<Sample> samples() {
  const auto sample = [](const Tensor& x, int axis, std::int64_t count, bool descending) {
    return Sample{{{"axis", axis}, {"count", count}, {"descending", descending}}, {x}};
  };
  return {sample(sample_values(Shape{3, 7}), 1, 7, false),
          sample(sample_values(Shape{5, 3}), 0, 5, true),
          sample(sample_values(Shape{2, 37, 3}), 1, 4, true),
          sample(sample_values(Shape{4, 9}), 1, 3, false),
          sample(sample_values(Shape{4}), 0, 1, true),
          sample(sample_indices(Shape{3, 40}, 9), 1, 40, true),
          sample(sample_values(Shape{0, 4}), 1, 2, false),
          sample(sample_values(Shape{3, 4}), 1, 0, false)};
}

ValuesAndIndices sorted(const char* name, const Tensor& x, std::int64_t axis, std::int64_t count,
                        bool descending, Location where) {
  static const OpDef& op = find_op("sort");
  const int a = normalize_axis(name, axis, x.rank(), where);
  const auto out = apply(
      op, {{"axis", a}, {"count", count < 0 ? x.shape()[a] : count}, {"descending", descending}},
      {{x}}, where);
  return {out[0], out[1]};
}

}  // namespace

void define_sort_ops(OpTable& table) {
  table.define({
      .name = "sort",
      .cls = OpClass::selection,
      .doc = "The first elements along an axis in sorted order, and where they stood.",
      .infer = infer,
      .eval = eval,
      .vjp = vjp,
      .reads = {Reads::output(1)},
      .jvp = jvp,
      .batch = rows_mix_along_axis,
      .samples = samples,
  });
}

ValuesAndIndices sort(const Tensor& x, std::int64_t axis, bool descending, Location where) {
  return sorted("sort", x, axis, -1, descending, where);
}

Tensor argsort(const Tensor& x, std::int64_t axis, bool descending, Location where) {
  return sorted("argsort", x.detach(), axis, -1, descending, where).indices;
}

ValuesAndIndices topk(const Tensor& x, std::int64_t k, std::int64_t axis, bool largest,
                      Location where) {
  if (k < 0) throw Error(fmt::format("topk: k is {}; expected at least 0", k), where);
  return sorted("topk", x, axis, k, largest, where);
}

}  // namespace ingrad
