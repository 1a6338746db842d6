// SPDX-License-Identifier: Apache-2.0
#include "attribution/layers/layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/graph.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/suggest.h"

namespace ingrad {
namespace {

std::string programs_name(const std::vector<Layer>& layers, bool gradient, std::int64_t classes) {
  std::string name = gradient ? "activations and gradients of" : "activations of";
  for (const Layer& l : layers) name += " " + l.name;
  return classes > 1 ? fmt::format("{} for {} classes", name, classes) : name;
}

}  // namespace

std::vector<Layer> layers_of(const ModelFn& model, const Shape& row, Device device,
                             Location where) {
  constexpr std::int64_t kRows = 2;
  const DeviceScope there(device, where);
  std::vector<Layer> found;
  const TensorSpec spec{row.with_inserted(0, kRows), DType::f32, device};
  trace(
      [&](std::span<const Tensor> in) {
        const Tensor y = model(in[0].track());
        for (const auto& [name, t] : taps(y)) {
          if (t.rank() > 1 && t.dim(0) == kRows) found.push_back({name, t.shape().without(0)});
        }
        return std::vector<Tensor>{y.detach()};
      },
      {&spec, 1}, where);
  return found;
}

Layer find_layer(const ModelFn& model, const Shape& row, const std::string& name, Device device,
                 Location where) {
  std::vector<std::string> names;
  for (Layer& l : layers_of(model, row, device, where)) {
    if (l.name == name) return std::move(l);
    names.push_back(std::move(l.name));
  }
  if (names.empty()) {
    throw Error(fmt::format("layer \"{}\": the model names no layers; expected taps, as "
                            "as_function() makes them",
                            name),
                where);
  }
  const std::string hint = did_you_mean(name, names);
  std::string all;
  for (const std::string& n : names) all += (all.empty() ? "" : ", ") + n;
  throw Error(
      fmt::format("layer \"{}\" is unknown{}", name, hint.empty() ? "; there are " + all : hint),
      where);
}

ModelFn layer_function(const ModelFn& model, const std::string& layer) {
  return [model, layer](const Tensor& x) {
    const bool is_recorded = x.is_tracked();
    const Tensor h = find_tap(model(is_recorded ? x : x.track()), layer);
    const Tensor flat = reshape(h, {h.dim(0), h.size() / h.dim(0)});
    return is_recorded ? flat : flat.detach();
  };
}

RowProgram layers_program(const ModelFn& model, const Shape& row, const std::vector<Layer>& layers,
                          ScalarKind kind, bool gradient, std::int64_t classes, Location where) {
  std::int64_t size = 0;
  for (const Layer& l : layers) size += l.shape.size();
  RowProgram p{.name = programs_name(layers, gradient, classes),
               .row = row,
               .result = Shape{gradient ? 2 : 1, size},
               .function = {},
               .backward = gradient,
               .classes = classes};
  p.function = [=](const Tensor& rows, const Tensor& all_classes, const Tensor& all_contrast) {
    const Tensor x = rows.track();
    const Tensor outputs = checked_outputs(model(x), x, where);
    std::vector<Tensor> at;
    for (const Layer& l : layers) at.push_back(find_tap(outputs, l.name, where));
    // [N, 1, sizes]
    const auto flat = [&](const std::vector<Tensor>& parts) {
      std::vector<Tensor> rows_of;
      for (const Tensor& t : parts) {
        rows_of.push_back(reshape(t, {t.dim(0), 1, t.size() / t.dim(0)}));
      }
      return rows_of.size() == 1 ? rows_of[0] : concat(rows_of, 2);
    };
    const Tensor activations = flat(at).detach();
    return class_by_class(all_classes, all_contrast, [&](const Tensor& c, const Tensor& other) {
      const Tensor value = scalar_of(outputs, c, kind, other, where);
      if (!gradient) return std::pair{value.detach(), activations};
      const Tensor total = sum(value), one = Tensor::ones(total.shape());
      const std::vector<Tensor> g = gradients({&total, 1}, {&one, 1}, at, {}, where);
      return std::pair{value.detach(), concat({activations, flat(g)}, 1)};
    });
  };
  return p;
}

}  // namespace ingrad
