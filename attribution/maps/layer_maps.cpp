// SPDX-License-Identifier: Apache-2.0
#include "attribution/maps/layer_maps.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/ops/elementwise.h"
#include "engine/ops/resize.h"

namespace ingrad {

LayerMaps::LayerMaps(const ExplainRun& run, const ModelFn& model, const CamOptions& options)
    : options_(options) {
  const Shape row = run.inputs().shape().without(0);
  if (options.layers.empty()) {
    throw Error(fmt::format("{}: no layer was named; expected one of the model's, usually the last "
                            "one with points",
                            run.method()),
                run.where());
  }
  for (const std::string& name : options.layers) {
    layers_.push_back(find_layer(model, row, name, run.device(), run.where()));
    sizes_.push_back(size_of(layers_.back(), options, run));
  }
  const bool at_input = options.resize || layers_.size() > 1;
  if (at_input && row.rank() != 3) {
    throw Error(fmt::format("{}: samples {} have no size to bring maps to; expected [C, H, W], or "
                            "one layer and no resizing",
                            run.method(), row.str()),
                run.where());
  }
  map_height_ = at_input ? row[1] : sizes_[0].height;
  map_width_ = at_input ? row[2] : sizes_[0].width;
}

LayerMaps::Size LayerMaps::size_of(const Layer& layer, const CamOptions& o,
                                   const ExplainRun& run) const {
  const Shape& s = layer.shape;
  if (s.rank() == 3) return {s[1], s[2]};
  if (s.rank() == 2 && o.tokens && o.tokens->height > 0 && o.tokens->width > 0 &&
      o.tokens->skip >= 0 && o.tokens->skip + o.tokens->height * o.tokens->width == s[0]) {
    return {o.tokens->height, o.tokens->width};
  }
  const std::string given = o.tokens
                                ? fmt::format("a grid of {} x {} tokens behind {} others",
                                              o.tokens->height, o.tokens->width, o.tokens->skip)
                                : "no grid of tokens";
  throw Error(fmt::format("{}: layer \"{}\" gives {}, with {}; expected [C, h, w], or [T, D] and a "
                          "grid for its T tokens",
                          run.method(), layer.name, s.str(), given),
              run.where());
}

std::vector<float> LayerMaps::channels(std::size_t layer, std::span<const float> values) const {
  const Shape& s = layers_[layer].shape;
  if (s.rank() == 3) return {values.begin(), values.end()};
  const auto dim = static_cast<std::size_t>(s[1]), n = points(layer);
  const auto skip = static_cast<std::size_t>(s[0]) - n;
  std::vector<float> turned(dim * n);
  for (std::size_t t = 0; t < n; ++t) {
    for (std::size_t d = 0; d < dim; ++d) turned[d * n + t] = values[(t + skip) * dim + d];
  }
  return turned;
}

void LayerMaps::clear_channel(std::size_t layer, std::int64_t channel,
                              std::span<float> values) const {
  const Shape& s = layers_[layer].shape;
  const bool tokens = s.rank() == 2;  // [T, D]: a channel is a column
  const std::int64_t count = tokens ? s[0] : s[1] * s[2];
  const std::int64_t first = tokens ? channel : channel * count, step = tokens ? s[1] : 1;
  for (std::int64_t i = 0; i < count; ++i) values[static_cast<std::size_t>(first + i * step)] = 0;
}

void LayerMaps::add_weighted(std::span<const float> channels, std::span<const double> weights,
                             std::span<double> to) const {
  const std::size_t n = points(0);
  std::vector<double> map(n);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      map[i] += weights[k] * static_cast<double>(channels[k * n + i]);
    }
  }
  add(0, std::move(map), to);
}

void require_one_layer(const ExplainRun& run, const LayerMaps& maps) {
  if (maps.layers().size() == 1) return;
  throw Error(fmt::format("{}: {} layers; expected one", run.method(), maps.layers().size()),
              run.where());
}

void LayerMaps::add(std::size_t layer, std::vector<double> map, std::span<double> to) const {
  if (options_.relu) {
    for (double& v : map) v = std::max(v, 0.0);
  }
  if (layers_.size() > 1) {
    double largest = 0;
    for (const double v : map) largest = std::max(largest, std::abs(v));
    const double scale = largest > 0 ? largest * static_cast<double>(layers_.size()) : 1;
    for (double& v : map) v /= scale;
  }
  if (height(layer) == map_height_ && width(layer) == map_width_) {
    for (std::size_t i = 0; i < map.size(); ++i) to[i] += map[i];
    return;
  }
  const Tensor small = Tensor::from(map, {1, 1, height(layer), width(layer)});
  const Tensor large =
      contiguous(resize(small, {map_height_, map_width_}, {.mode = Interpolation::linear}));
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += large.data<double>()[i];
}

std::vector<char> LayerMaps::dead(const std::vector<double>& maps) const {
  std::vector<char> flags;
  for (std::size_t first = 0; first < maps.size(); first += map_size()) {
    const auto begin = maps.begin() + static_cast<std::ptrdiff_t>(first);
    const bool all_zero = std::all_of(begin, begin + static_cast<std::ptrdiff_t>(map_size()),
                                      [](double v) { return v == 0; });
    flags.push_back(all_zero ? 1 : 0);
  }
  return flags;
}

Attribution LayerMaps::finish(ExplainRun& run, const std::vector<double>& maps) const {
  run.result().dead = dead(maps);
  return run.finish(maps, false, {run.samples(), 1, map_height_, map_width_});
}

void LayerMaps::replace(Attribution& result, const std::vector<double>& maps) const {
  const Tensor values =
      Tensor::from(std::vector<float>(maps.begin(), maps.end()), result.values.shape());
  result.values = values.to(result.values.device());
  result.dead = dead(maps);
}

}  // namespace ingrad
