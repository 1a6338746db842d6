// SPDX-License-Identifier: Apache-2.0
#include "attribution/layers/cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "attribution/by_rows.h"
#include "engine/device.h"
#include "engine/graph.h"
#include "engine/ops/concat.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/plan/passes.h"

namespace ingrad {
namespace {

struct Halves {
  Program head, tail;  // the values at the cut are outputs of one and inputs of the other
};

// The value that the layer names; the last one if it runs several times.
int value_of(const Program& p, const std::string& layer) {
  int value = -1;
  for (const ProgramCall& c : p.calls) {
    if (c.op->name == "tap" && c.attrs.text("name") == layer) value = c.outputs[0];
  }
  return value;
}

Halves halves(const ModelFn& model, const Shape& row, const std::string& layer, std::int64_t rows,
              Device device, Location where) {
  const DeviceScope there(device, where);
  const TensorSpec spec{row.with_inserted(0, rows), DType::f32, device};
  const GraphFn f = [&](std::span<const Tensor> in) { return std::vector{model(in[0])}; };
  const Program whole = trace(f, {&spec, 1}, where)->program();
  const int at = value_of(whole, layer);
  std::vector<char> after(whole.specs.size(), 0);
  after[static_cast<std::size_t>(at)] = 1;
  Halves h{whole, whole};
  h.head.calls.clear();
  h.tail.calls.clear();
  std::vector<int> cut = {at};
  const auto passes_by = [&](int v) {
    const bool known = after[static_cast<std::size_t>(v)] != 0 || whole.is_constant(v) ||
                       std::find(cut.begin(), cut.end(), v) != cut.end();
    if (known) return;
    const TensorSpec& s = whole.spec(v);
    if (s.dtype != DType::f32 || s.shape.rank() == 0 || s.shape[0] != rows) {
      throw Error(fmt::format("layer \"{}\": {} passes by it; expected f32 with a row per row",
                              layer, s.str()),
                  where);
    }
    cut.push_back(v);
  };
  for (const ProgramCall& c : whole.calls) {
    const bool is_after =
        c.outputs[0] != at && std::any_of(c.inputs.begin(), c.inputs.end(), [&](int v) {
          return after[static_cast<std::size_t>(v)] != 0;
        });
    (is_after ? h.tail : h.head).calls.push_back(c);
    if (!is_after) continue;
    for (const int v : c.inputs) passes_by(v);
    for (const int v : c.outputs) after[static_cast<std::size_t>(v)] = 1;
  }
  for (const int v : whole.outputs) passes_by(v);
  h.head.outputs = h.tail.inputs = cut;
  remove_dead_code(h.head, {});
  return h;
}

}  // namespace

LayerCut cut_at(const ModelFn& model, const Shape& row, const std::string& layer, Device device,
                Location where) {
  LayerCut cut{.layer = find_layer(model, row, layer, device, where), .head = {}, .tail = {}};
  const auto programs = std::make_shared<ByRows<Halves>>(
      [=](std::int64_t rows) { return halves(model, row, layer, rows, device, where); });
  const Program& tail = programs->at(1).tail;
  std::vector<Shape> shapes;
  for (const int v : tail.inputs) {
    shapes.push_back(tail.spec(v).shape.without(0));
    cut.size += shapes.back().size();
  }
  cut.head = [programs](const Tensor& x) {
    std::vector<Tensor> flat;
    for (const Tensor& t : programs->at(x.dim(0)).head.run({&x, 1})) {
      flat.push_back(reshape(t, {t.dim(0), t.size() / t.dim(0)}));
    }
    return flat.size() == 1 ? flat[0] : concat(flat, 1);
  };
  cut.tail = [programs, shapes](const Tensor& rows) {
    std::vector<Tensor> values;
    std::int64_t at = 0;
    for (const Shape& s : shapes) {
      values.push_back(reshape(narrow(rows, 1, at, s.size()), s.with_inserted(0, rows.dim(0))));
      at += s.size();
    }
    return programs->at(rows.dim(0)).tail.run(values)[0];
  };
  return cut;
}

RowProgram head_program(const ModelFn& model, const LayerCut& cut, const Shape& row,
                        ScalarKind kind, Location where) {
  RowProgram p{.name = "values at " + cut.layer.name,
               .row = row,
               .result = Shape{cut.size},
               .function = {},
               .backward = false};
  p.function = [=, head = cut.head](const Tensor& rows, const Tensor& classes,
                                    const Tensor& contrast) {
    const Tensor outputs = checked_outputs(model(rows), rows, where);
    return std::pair{scalar_of(outputs, classes, kind, contrast, where), head(rows)};
  };
  return p;
}

Pool tail_pool(ExplainRun& run, const LayerCut& cut, const ExplainOptions& options) {
  run.pool().release();
  PoolOptions there = options.pool;
  there.device = run.device();
  if (there.plans) there.plans = there.plans->part("after " + cut.layer.name);
  return Pool(cut.tail, Shape{cut.size}, options.scalar, run.result().targets, run.contrast(),
              std::move(there), run.where(), run.classes());
}

}  // namespace ingrad
