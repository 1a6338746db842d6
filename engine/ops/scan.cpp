// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/scan.h"

#include "engine/dense.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/scan.h"

namespace ingrad {

void define_scan_ops(OpTable& table) {
  table.define({
      .name = "cumsum",
      .cls = OpClass::linear,
      .doc = "Running sum along an axis, in either direction.",
      .infer =
          [](const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
            normalize_axis("cumsum", attrs.integer("axis"), in[0].shape.rank(), where);
            attrs.flag("reverse");
            const DType t = is_floating(in[0].dtype) ? in[0].dtype : DType::i64;
            return std::vector<TensorSpec>{{in[0].shape, t, in[0].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            Tensor x = kernel_operand(a.inputs[0]);
            if (!is_floating(x.dtype())) x = rounded_to(DType::i64, x);
            x = dense(x, a.backend, a.where);
            const Tensor y = Tensor::empty(x.shape(), x.dtype(), a.where);
            const int axis =
                normalize_axis("cumsum", a.attrs.integer("axis"), x.rank(), a.where);
            const AxisView v = around(x.shape(), axis);
            const kernels::CumsumArgs args{x.raw(),  y.mutable_raw(), v.outer,
                                           v.extent, v.inner,         a.attrs.flag("reverse")};
            run_kernel(kernels::cumsum, a.backend, x.dtype(), args, a.where);
            return std::vector<Tensor>{rounded_to(a.outputs[0].dtype, y)};
          },
      .vjp =
          [](const VjpArgs& a) {
            return std::vector<Tensor>{
                cumsum(a.cotangents[0], a.attrs.integer("axis"), !a.attrs.flag("reverse"))};
          },
      .batch = rows_mix_along_axis,
      .samples =
          [] {
            const auto sample = [](const Shape& shape, int axis, bool reverse) {
              return Sample{{{"axis", axis}, {"reverse", reverse}}, {sample_values(shape)}};
            };
            return std::vector<Sample>{sample(Shape{7}, 0, false), sample(Shape{3, 5}, 1, true),
                                       sample(Shape{4, 3, 70}, 1, false),
                                       sample(Shape{9, 2}, 0, true), sample(Shape{2, 0}, 1, false)};
          },
  });
}

Tensor cumsum(const Tensor& x, std::int64_t axis, bool reverse, Location where) {
  static const OpDef& op = find_op("cumsum");
  return apply1(op,
                {{"axis", normalize_axis("cumsum", axis, x.rank(), where)}, {"reverse", reverse}},
                {x}, where);
}

}  // namespace ingrad
