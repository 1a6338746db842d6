// SPDX-License-Identifier: Apache-2.0
// The public functions: PyTorch's calling conventions in terms of the ops of index.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "engine/op.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/index_check.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

// x without what lies beyond `extents` on every axis but `axis` (-1: on every axis).
Tensor cut(const char* op, const Tensor& x, const Shape& extents, int axis, Location where) {
  bool good = x.rank() == extents.rank();
  std::vector<Slice> slices;
  for (int a = 0; good && a < x.rank(); ++a) {
    good = a == axis || extents[a] <= x.shape()[a];
    slices.push_back(a == axis ? Slice{} : Slice{0, extents[a]});
  }
  if (!good) {
    throw Error(fmt::format("{}: index of shape {} does not fit within {}", op, extents.str(),
                            x.spec().str()),
                where);
  }
  return slice(x, slices, where);
}

void require_same_dtype(const char* op, const Tensor& a, const Tensor& b, Location where) {
  if (a.dtype() == b.dtype()) return;
  throw Error(fmt::format("{}: dtypes differ: {} and {}", op, a.spec().str(), b.spec().str()),
              where);
}

Tensor triangle(const Tensor& x, std::int64_t diagonal, bool lower, const char* op,
                Location where) {
  if (x.rank() < 2) {
    throw Error(fmt::format("{}: {} has fewer than two axes", op, x.spec().str()), where);
  }
  const std::int64_t rows = x.dim(-2), columns = x.dim(-1);
  const Tensor i = reshape(Tensor::arange(rows), {rows, 1});
  const Tensor j = Tensor::arange(columns, DType::i64, -static_cast<double>(diagonal));
  const Tensor outside = lower ? gt(j, i, where) : lt(j, i, where);
  return ingrad::where(outside, 0, x, where);
}

}  // namespace

Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index, Location where) {
  static const OpDef& op = find_op("gather");
  const int a = normalize_axis("gather", axis, x.rank(), where);
  const Tensor positions = as_indices("gather", index, where);
  return apply1(op, {{"axis", a}}, {cut("gather", x, index.shape(), a, where), positions}, where);
}

Tensor take_along_axis(const Tensor& x, const Tensor& index, std::int64_t axis, Location where) {
  const int a = normalize_axis("take_along_axis", axis, x.rank(), where);
  if (index.rank() != x.rank()) {
    throw Error(fmt::format("take_along_axis: index {} and {} differ in rank", index.spec().str(),
                            x.spec().str()),
                where);
  }
  const Shape common =
      broadcast_shapes("take_along_axis", x.shape().with(a, 1), index.shape().with(a, 1), where);
  return gather(expand(x, common.with(a, x.shape()[a]), where), a,
                expand(index, common.with(a, index.shape()[a]), where), where);
}

Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source,
                   Location where) {
  static const OpDef& op = find_op("scatter_sum");
  const int a = normalize_axis("scatter_add", axis, x.rank(), where);
  require_same_dtype("scatter_add", x, source, where);
  const Tensor part = cut("scatter_add", source, index.shape(), -1, where);
  cut("scatter_add", x, index.shape(), a, where);  // for its check
  const Tensor sums = apply1(op, {{"axis", a}, {"extent", x.shape()[a]}},
                             {as_indices("scatter_add", index, where), part}, where);
  std::vector<std::int64_t> before(static_cast<std::size_t>(x.rank()), 0), after;
  for (int i = 0; i < x.rank(); ++i) after.push_back(x.shape()[i] - sums.shape()[i]);
  return add(x, embed(sums, before, after, {}, 0, where), where);
}

Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index, Location where) {
  static const OpDef& op = find_op("index_select");
  const int a = normalize_axis("index_select", axis, x.rank(), where);
  return apply1(op, {{"axis", a}, {"skip", -1}}, {x, as_indices("index_select", index, where)},
                where);
}

Tensor index_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source,
                 Location where) {
  static const OpDef& op = find_op("index_sum");
  const int a = normalize_axis("index_add", axis, x.rank(), where);
  require_same_dtype("index_add", x, source, where);
  if (source.rank() != x.rank() || source.shape().with(a, 0) != x.shape().with(a, 0)) {
    throw Error(fmt::format("index_add: source {} and {} differ beyond axis {}",
                            source.spec().str(), x.spec().str(), a),
                where);
  }
  return add(x,
             apply1(op, {{"axis", a}, {"extent", x.shape()[a]}, {"skip", -1}},
                    {as_indices("index_add", index, where), source}, where),
             where);
}

Tensor embedding(const Tensor& weight, const Tensor& index, std::optional<std::int64_t> padding_idx,
                 Location where) {
  static const OpDef& op = find_op("embedding");
  std::int64_t padding = -1;
  if (padding_idx) {
    const std::int64_t rows = weight.rank() == 0 ? 0 : weight.shape()[0];
    if (*padding_idx < -rows || *padding_idx >= rows) {
      throw Error(fmt::format("embedding: padding_idx {} is outside the {} rows of the weight",
                              *padding_idx, rows),
                  where);
    }
    padding = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  return apply1(op, {{"padding", padding}}, {as_indices("embedding", index, where), weight}, where);
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value, Location where) {
  if (mask.dtype() != DType::boolean) {
    throw Error(fmt::format("masked_fill: the mask is {}, expected bool", mask.spec().str()),
                where);
  }
  return ingrad::where(mask, Tensor::scalar(value, x.dtype()), x, where);
}

Tensor one_hot(const Tensor& index, std::int64_t num_classes, DType dtype, Location where) {
  static const OpDef& op = find_op("one_hot");
  const Tensor positions = as_indices("one_hot", index, where);
  if (num_classes == -1) {
    const auto values = positions.to_vector<std::int64_t>(where);
    if (values.empty()) {
      throw Error("one_hot: the number of classes cannot be told from an empty index", where);
    }
    num_classes = *std::max_element(values.begin(), values.end()) + 1;
  }
  return apply1(op, {{"num_classes", num_classes}, {"dtype", dtype}}, {positions}, where);
}

Tensor tril(const Tensor& x, std::int64_t diagonal, Location where) {
  return triangle(x, diagonal, true, "tril", where);
}
Tensor triu(const Tensor& x, std::int64_t diagonal, Location where) {
  return triangle(x, diagonal, false, "triu", where);
}

}  // namespace ingrad
