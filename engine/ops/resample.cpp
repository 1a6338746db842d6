// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/resample.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops/compute.h"
#include "engine/ops/describe.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/table.h"
#include "engine/parallel.h"

namespace ingrad {
namespace {

using kernels::AxisTable;

int axis_of(const Attrs& attrs) { return static_cast<int>(attrs.integer("axis")); }

// Whether kernels may follow the table without looking.
bool is_sound(const AxisTable& m) {
  return m.in >= 0 && m.out >= 0 && m.offset.size() == static_cast<std::size_t>(m.out) + 1 &&
         m.offset.front() == 0 && std::is_sorted(m.offset.begin(), m.offset.end()) &&
         m.offset.back() == static_cast<std::int64_t>(m.index.size()) &&
         m.weight.size() == m.index.size() &&
         std::all_of(m.index.begin(), m.index.end(),
                     [&](std::int64_t i) { return i >= 0 && i < m.in; });
}

std::vector<TensorSpec> infer(const Attrs& attrs, std::span<const TensorSpec> in, Location where) {
  const Attr::Table& table = attrs.table("table");
  const int axis = normalize_axis("resample", attrs.integer("axis"), in[0].shape.rank(), where);
  if (table == nullptr || !is_sound(*table)) {
    throw Error("resample: the table contradicts itself", where);
  }
  if (in[0].shape[axis] != table->in) {
    throw Error(fmt::format("resample: the table maps {} elements, axis {} of {} has {}", table->in,
                            axis, in[0].str(), in[0].shape[axis]),
                where);
  }
  if (in[0].dtype == DType::mask || (!is_floating(in[0].dtype) && !table->moves_only())) {
    throw Error(
        fmt::format("resample: {} cannot be weighted; expected a floating dtype", in[0].str()),
        where);
  }
  return {{in[0].shape.with(axis, table->out), in[0].dtype, in[0].device}};
}

std::vector<Tensor> eval(const EvalArgs& a) {
  const TensorSpec& spec = a.outputs[0];
  const AxisTable& table = *a.attrs.table("table");
  const DType t = table.moves_only() ? spec.dtype : compute_dtype(spec.dtype);
  const Tensor x = dense(a.inputs[0], t);
  const Tensor y = Tensor::empty(spec.shape, t, a.where);
  const AxisView v = around(x.shape(), axis_of(a.attrs));
  const kernels::ResampleArgs args{x.raw(a.where), y.mutable_raw(a.where), &table, v.outer,
                                   v.inner};
  if (y.size() > 0) run_kernel(kernels::resample, a.backend, t, args, a.where);
  return {rounded(y, spec.dtype)};
}

Tensor along(const Tensor& x, int axis, Attr::Table table, Location where) {
  static const OpDef& op = find_op("resample");
  return apply1(op, {{"axis", axis}, {"table", std::move(table)}}, {x}, where);
}

Sample sample(const Tensor& x, int axis, std::int64_t out,
              const std::function<void(AxisTable&, std::int64_t)>& row) {
  auto table = std::make_shared<AxisTable>();
  table->in = x.shape()[axis];
  for (std::int64_t j = 0; j < out; ++j) {
    row(*table, j);
    table->end_row();
  }
  return {{{"axis", axis}, {"table", Attr::Table(table)}}, {x}};
}

std::vector<Sample> samples() {
  const auto triples = [](AxisTable& m, std::int64_t j) {
    for (std::int64_t k = 0; k < 3; ++k)
      m.add((2 * j + k) % m.in, 0.5 - 0.2 * static_cast<double>(k + j));
  };
  const auto reversed = [](AxisTable& m, std::int64_t j) { m.add(m.in - 1 - j % m.in, 1); };
  const auto sparse = [](AxisTable& m, std::int64_t j) {
    if (j % 2 == 0) m.add(j / 2, 2);
  };
  return {sample(sample_values(Shape{5, 7}), 1, 4, triples),
          sample(sample_values(Shape{2, 5, 37}), 1, 6, triples),
          sample(sample_values(Shape{4, 3}), 0, 9, reversed),
          sample(sample_values(Shape{3, 4}), 1, 8, sparse),
          sample(sample_indices(Shape{3, 4}, 100), 1, 7, reversed),
          sample(sample_values(Shape{0, 4}), 1, 3, triples),
          sample(sample_values(Shape{2, 4}), 1, 0, triples)};
}

}  // namespace

void define_resample_ops(OpTable& table) {
  table.define({
      .name = "resample",
      .cls = OpClass::linear,
      .doc = "A sparse matrix, given as a table, applied along an axis.",
      .infer = infer,
      .eval = eval,
      .vjp =
          [](const VjpArgs& a) {
            auto transposed = std::make_shared<AxisTable>(a.attrs.table("table")->transposed());
            return std::vector<Tensor>{along(a.cotangents[0], axis_of(a.attrs),
                                             std::move(transposed), Location::current())};
          },
      .batch = rows_mix_along_axis,
      .samples = samples,
  });
}

Tensor resample(const Tensor& x, std::vector<AxisMap> maps, Location where) {
  const auto growth = [](const AxisMap& m) {
    return static_cast<double>(m.table->out) /
           static_cast<double>(std::max<std::int64_t>(m.table->in, 1));
  };
  std::stable_sort(maps.begin(), maps.end(),
                   [&](const AxisMap& a, const AxisMap& b) { return growth(a) < growth(b); });
  const bool moves =
      std::all_of(maps.begin(), maps.end(), [](const AxisMap& m) { return m.table->moves_only(); });
  const DType t = moves ? x.dtype() : compute_dtype(x.dtype());
  Tensor y = t == x.dtype() ? x : cast(x, t, where);
  for (AxisMap& m : maps) y = along(y, m.axis, std::move(m.table), where);
  return t == x.dtype() ? y : cast(y, x.dtype(), where);
}

Attr::Table moving_table(std::int64_t in, std::int64_t out,
                         const std::function<std::int64_t(std::int64_t)>& source) {
  auto table = std::make_shared<AxisTable>();
  table->in = in;
  for (std::int64_t j = 0; j < out; ++j) {
    table->add(source(j), 1);
    table->end_row();
  }
  return table;
}

}  // namespace ingrad
