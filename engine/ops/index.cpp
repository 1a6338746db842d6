// SPDX-License-Identifier: Apache-2.0
// The ops: gather and scatter_sum are each other's transposes, and so are index_select and
// index_sum, which share one index list among all slices.
#include "engine/ops/index.h"

#include <fmt/format.h>

#include "engine/dense.h"
#include "engine/ops/compute.h"
#include "engine/ops/describe.h"
#include "engine/ops/index_check.h"
#include "engine/ops/shape.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"
#include "kernels/index.h"

namespace ingrad {
namespace {

using Specs = std::span<const TensorSpec>;

int axis_of(const Attrs& attrs) { return static_cast<int>(attrs.integer("axis")); }

// ---- one index per element --------------------------------------------------------------------
void require_layout(const char* op, const Attrs& attrs, const Shape& big, const Shape& index,
                    Location where) {
  const int axis = normalize_axis(op, attrs.integer("axis"), big.rank(), where);
  if (index.rank() != big.rank() || index.with(axis, 0) != big.with(axis, 0)) {
    throw Error(fmt::format("{}: shapes {} and {} of data and index differ beyond axis {}", op,
                            big.str(), index.str(), axis),
                where);
  }
}

kernels::IndexArgs elementwise_args(const Shape& big, const Shape& index, int axis) {
  const AxisView b = around(big, axis), i = around(index, axis);
  kernels::IndexArgs args;
  args.outer = b.outer;
  args.extent = b.extent;
  args.count = i.extent;
  args.inner = b.inner;
  args.index_outer = i.extent * i.inner;
  args.index_axis = i.inner;
  args.index_inner = 1;
  return args;
}

// ---- one index per slice ----------------------------------------------------------------------
kernels::IndexArgs slice_args(const Shape& big, std::int64_t count, int axis, std::int64_t skip) {
  const AxisView b = around(big, axis);
  kernels::IndexArgs args;
  args.outer = b.outer;
  args.extent = b.extent;
  args.count = count;
  args.inner = b.inner;
  args.skip = skip;
  return args;
}

// Runs gather (or scatter_sum) from `source` into a new tensor of spec `out`.
Tensor run(const kernels::Family<kernels::IndexArgs>& family, const char* op,
           kernels::IndexArgs args, const Tensor& source, const Tensor& index,
           const TensorSpec& out, const EvalArgs& a) {
  const Tensor positions = dense(index, a.backend, a.where);
  check_indices(op, positions, args.extent, a.where);
  const bool moves = &family == &kernels::gather;
  const DType t = moves ? out.dtype : compute_dtype(out.dtype);
  const Tensor from = dense(source, t);
  const Tensor to = Tensor::empty(out.shape, t, a.where);
  args.src = from.raw(a.where);
  args.index = static_cast<const std::int64_t*>(positions.raw(a.where));
  args.dst = to.mutable_raw(a.where);
  run_kernel(family, a.backend, t, args, a.where);
  return moves ? to : rounded(to, out.dtype);
}

Tensor scatter_sum(const Tensor& index, const Tensor& source, int axis, std::int64_t extent,
                   Location where = Location::current()) {
  static const OpDef& op = find_op("scatter_sum");
  return apply1(op, {{"axis", axis}, {"extent", extent}}, {index, source}, where);
}
Tensor select_slices(const Tensor& x, int axis, const Tensor& index, std::int64_t skip,
                     Location where = Location::current()) {
  static const OpDef& op = find_op("index_select");
  return apply1(op, {{"axis", axis}, {"skip", skip}}, {x, index}, where);
}
Tensor sum_slices(const Tensor& index, const Tensor& source, int axis, std::int64_t extent,
                  std::int64_t skip, Location where = Location::current()) {
  static const OpDef& op = find_op("index_sum");
  return apply1(op, {{"axis", axis}, {"extent", extent}, {"skip", skip}}, {index, source}, where);
}

Tensor indices_sample(std::initializer_list<std::int64_t> v) {
  return Tensor::from<std::int64_t>(v, Shape{static_cast<std::int64_t>(v.size())});
}

void define_gather(OpTable& table) {
  table.define({
      .name = "gather",
      .cls = OpClass::linear,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "Elements at given positions along an axis, one index per element.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_indices("gather", in[1], where);
            require_layout("gather", attrs, in[0].shape, in[1].shape, where);
            return std::vector<TensorSpec>{{in[1].shape, in[0].dtype, in[0].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const auto args =
                elementwise_args(a.inputs[0].shape(), a.inputs[1].shape(), axis_of(a.attrs));
            return std::vector<Tensor>{
                run(kernels::gather, "gather", args, a.inputs[0], a.inputs[1], a.outputs[0], a)};
          },
      .vjp =
          [](const VjpArgs& a) {
            const int axis = axis_of(a.attrs);
            return std::vector<Tensor>{
                scatter_sum(a.inputs[1], a.cotangents[0], axis, a.inputs[0].shape()[axis]),
                Tensor()};
          },
      .reads = {Reads::input(1)},
      .batch = rows_mix_along_axis,
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"axis", 1}}, {sample_values(Shape{3, 5}), sample_indices(Shape{3, 4}, 5)}},
                {{{"axis", 0}}, {sample_values(Shape{4, 2, 3}), sample_indices(Shape{7, 2, 3}, 4)}},
                {{{"axis", 1}},
                 {sample_values(Shape{2, 3, 17}), sample_indices(Shape{2, 2, 17}, 3)}},
                {{{"axis", 0}}, {sample_values(Shape{3}), sample_indices(Shape{0}, 1)}},
            };
          },
  });
  table.define({
      .name = "scatter_sum",
      .cls = OpClass::linear,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "Zeros with elements added at given positions along an axis.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_indices("scatter_sum", in[0], where);
            require_layout("scatter_sum", attrs, in[0].shape, in[0].shape, where);
            if (in[0].shape != in[1].shape) {
              throw Error(fmt::format("scatter_sum: index {} and source {} differ in shape",
                                      in[0].str(), in[1].str()),
                          where);
            }
            const Shape shape = in[1].shape.with(axis_of(attrs), attrs.integer("extent"));
            return std::vector<TensorSpec>{{shape, in[1].dtype, in[1].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const auto args =
                elementwise_args(a.outputs[0].shape, a.inputs[0].shape(), axis_of(a.attrs));
            return std::vector<Tensor>{run(kernels::scatter_sum, "scatter_sum", args, a.inputs[1],
                                           a.inputs[0], a.outputs[0], a)};
          },
      .vjp =
          [](const VjpArgs& a) {
            return std::vector<Tensor>{Tensor(),
                                       gather(a.cotangents[0], axis_of(a.attrs), a.inputs[0])};
          },
      .reads = {Reads::input(0)},
      .batch = rows_mix_along_axis,
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"axis", 1}, {"extent", 5}},
                 {sample_indices(Shape{3, 8}, 5), sample_values(Shape{3, 8})}},
                {{{"axis", 0}, {"extent", 4}},
                 {sample_indices(Shape{7, 2, 3}, 4), sample_values(Shape{7, 2, 3})}},
                {{{"axis", 0}, {"extent", 3}},
                 {sample_indices(Shape{0}, 1), sample_values(Shape{0})}},
            };
          },
  });
}

void define_index_select(OpTable& table) {
  table.define({
      .name = "index_select",
      .cls = OpClass::linear,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "Slices at given positions along an axis; zeros for the index `skip`.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_indices("index_select", in[1], where);
            const int axis =
                normalize_axis("index_select", attrs.integer("axis"), in[0].shape.rank(), where);
            attrs.integer("skip");
            if (in[1].shape.rank() != 1) {
              throw Error(fmt::format("index_select: index is {}, expected rank 1", in[1].str()),
                          where);
            }
            return std::vector<TensorSpec>{
                {in[0].shape.with(axis, in[1].shape[0]), in[0].dtype, in[0].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const auto args = slice_args(a.inputs[0].shape(), a.inputs[1].size(), axis_of(a.attrs),
                                         a.attrs.integer("skip"));
            return std::vector<Tensor>{run(kernels::gather, "index_select", args, a.inputs[0],
                                           a.inputs[1], a.outputs[0], a)};
          },
      .vjp =
          [](const VjpArgs& a) {
            const int axis = axis_of(a.attrs);
            return std::vector<Tensor>{
                sum_slices(a.inputs[1], a.cotangents[0], axis, a.inputs[0].shape()[axis],
                           a.attrs.integer("skip")),
                Tensor()};
          },
      .reads = {Reads::input(1)},
      .batch = rows_mix_along_axis,
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"axis", 1}, {"skip", -1}},
                 {sample_values(Shape{3, 5}), indices_sample({4, 0, 0, 2})}},
                {{{"axis", 0}, {"skip", 2}},
                 {sample_values(Shape{4, 7}), indices_sample({2, 3, 2, 1, 1})}},
                {{{"axis", 1}, {"skip", -1}},
                 {sample_values(Shape{2, 3, 70}), indices_sample({2, 1})}},
                {{{"axis", 0}, {"skip", -1}}, {sample_values(Shape{3, 2}), indices_sample({})}},
            };
          },
  });
  table.define({
      .name = "index_sum",
      .cls = OpClass::linear,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "Zeros with slices added at given positions along an axis; none for `skip`.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_indices("index_sum", in[0], where);
            const int axis =
                normalize_axis("index_sum", attrs.integer("axis"), in[1].shape.rank(), where);
            attrs.integer("skip");
            if (in[0].shape.rank() != 1 || in[0].shape[0] != in[1].shape[axis]) {
              throw Error(fmt::format("index_sum: index {} does not match axis {} of source {}",
                                      in[0].str(), axis, in[1].str()),
                          where);
            }
            return std::vector<TensorSpec>{
                {in[1].shape.with(axis, attrs.integer("extent")), in[1].dtype, in[1].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const auto args = slice_args(a.outputs[0].shape, a.inputs[0].size(), axis_of(a.attrs),
                                         a.attrs.integer("skip"));
            return std::vector<Tensor>{run(kernels::scatter_sum, "index_sum", args, a.inputs[1],
                                           a.inputs[0], a.outputs[0], a)};
          },
      .vjp =
          [](const VjpArgs& a) {
            return std::vector<Tensor>{Tensor(),
                                       select_slices(a.cotangents[0], axis_of(a.attrs), a.inputs[0],
                                                     a.attrs.integer("skip"))};
          },
      .reads = {Reads::input(0)},
      .batch = rows_mix_along_axis,
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"axis", 0}, {"extent", 4}, {"skip", 2}},
                 {indices_sample({2, 3, 2, 1, 1}), sample_values(Shape{5, 7})}},
                {{{"axis", 1}, {"extent", 3}, {"skip", -1}},
                 {indices_sample({0, 2, 0, 0}), sample_values(Shape{2, 4, 70})}},
            };
          },
  });
}

void define_embedding(OpTable& table) {
  table.define({
      .name = "embedding",
      .cls = OpClass::linear,
      .min_inputs = 2,
      .max_inputs = 2,
      .doc = "Rows of a weight by index (inputs: index, weight); none flows back to row `padding`.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_indices("embedding", in[0], where);
            attrs.integer("padding");
            if (in[1].shape.rank() == 0) {
              throw Error("embedding: the weight is a scalar, expected rows", where);
            }
            std::vector<std::int64_t> shape(in[0].shape.begin(), in[0].shape.end());
            shape.insert(shape.end(), in[1].shape.begin() + 1, in[1].shape.end());
            return std::vector<TensorSpec>{{Shape(shape, where), in[1].dtype, in[1].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const auto args = slice_args(a.inputs[1].shape(), a.inputs[0].size(), 0, -1);
            return std::vector<Tensor>{
                run(kernels::gather, "embedding", args, a.inputs[1], a.inputs[0], a.outputs[0], a)};
          },
      .vjp =
          [](const VjpArgs& a) {
            const Tensor& index = a.inputs[0];
            const Shape& weight = a.inputs[1].shape();
            const Tensor rows = reshape(a.cotangents[0], weight.with(0, index.size()));
            return std::vector<Tensor>{Tensor(), sum_slices(reshape(index, {index.size()}), rows, 0,
                                                            weight[0], a.attrs.integer("padding"))};
          },
      .reads = {Reads::input(0)},
      .jvp =  // the padding row is a constant
      [](const JvpArgs& a) {
        const Tensor& index = a.inputs[0];
        const Tensor rows = select_slices(a.tangents[1], 0, reshape(index, {index.size()}),
                                          a.attrs.integer("padding"));
        return std::vector<Tensor>{reshape(rows, a.outputs[0].shape())};
      },
      .batch = rows_stay_apart,  // rows of the index; the weight is shared
      .samples =
          [] {
            return std::vector<Sample>{
                {{{"padding", -1}}, {sample_indices(Shape{2, 3}, 6), sample_values(Shape{6, 5})}},
                {{{"padding", -1}}, {sample_indices(Shape{}, 4), sample_values(Shape{4, 2, 3})}},
                {{{"padding", 5}}, {indices_sample({0, 2, 2}), sample_values(Shape{6, 3})}},
                {{{"padding", 2}}, {indices_sample({0, 2, 2}), sample_values(Shape{6, 3})}, false},
            };
          },
  });
}

void define_one_hot(OpTable& table) {
  table.define({
      .name = "one_hot",
      .cls = OpClass::selection,
      .doc = "1 at the index along a new last axis, 0 elsewhere.",
      .infer =
          [](const Attrs& attrs, Specs in, Location where) {
            require_indices("one_hot", in[0], where);
            const DType t = attrs.dtype("dtype");
            if (t == DType::mask || t == DType::bf16 || t == DType::f16) {
              throw Error(fmt::format("one_hot: dtype {} is not supported", name_of(t)), where);
            }
            const std::int64_t classes = attrs.integer("num_classes");
            if (classes < 0) {
              throw Error(fmt::format("one_hot: {} classes", classes), where);
            }
            return std::vector<TensorSpec>{
                {in[0].shape.with_inserted(in[0].shape.rank(), classes), t, in[0].device}};
          },
      .eval =
          [](const EvalArgs& a) {
            const Tensor index = dense(a.inputs[0], a.backend, a.where);
            const std::int64_t classes = a.attrs.integer("num_classes");
            check_indices("one_hot", index, classes, a.where);
            const Tensor out = Tensor::empty(a.outputs[0].shape, a.outputs[0].dtype, a.where);
            run_kernel(kernels::one_hot, a.backend, out.dtype(),
                       kernels::OneHotArgs{static_cast<const std::int64_t*>(index.raw(a.where)),
                                           out.mutable_raw(a.where), index.size(), classes},
                       a.where);
            return std::vector<Tensor>{out};
          },
      .batch = rows_stay_apart,
      .samples =
          [] {
            std::vector<Sample> samples;
            for (const DType t :
                 {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean}) {
              samples.push_back(
                  {{{"num_classes", 4}, {"dtype", t}}, {sample_indices(Shape{2, 3}, 4)}});
            }
            return samples;
          },
  });
}

}  // namespace

void define_index_ops(OpTable& table) {
  define_gather(table);
  define_index_select(table);
  define_embedding(table);
  define_one_hot(table);
}

}  // namespace ingrad
