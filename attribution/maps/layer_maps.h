// SPDX-License-Identifier: Apache-2.0
// Layers as maps: channels and points, and the way to a map of the input's size.
#pragma once

#include <vector>

#include "attribution/layers/layers.h"
#include "attribution/maps/cam.h"
#include "attribution/run.h"

namespace ingrad {

class LayerMaps {
 public:
  // Error when there is no layer, one is unknown, or not a map.
  LayerMaps(const ExplainRun& run, const ModelFn& model, const CamOptions& options);

  const std::vector<Layer>& layers() const { return layers_; }
  std::size_t layer_size(std::size_t layer) const {
    return static_cast<std::size_t>(layers_[layer].shape.size());
  }
  std::int64_t height(std::size_t layer) const { return sizes_[layer].height; }
  std::int64_t width(std::size_t layer) const { return sizes_[layer].width; }
  std::size_t points(std::size_t layer) const {
    return static_cast<std::size_t>(height(layer) * width(layer));
  }
  // The values of a layer as channels x points: tokens without those that are skipped, transposed.
  std::vector<float> channels(std::size_t layer, std::span<const float> values) const;

  std::int64_t channel_count(std::size_t layer) const {
    return static_cast<std::int64_t>(layer_size(layer)) / (layers_[layer].shape.rank() == 3
                                                               ? height(layer) * width(layer)
                                                               : layers_[layer].shape[0]);
  }
  // Zeros for a channel among the values of a layer, which come first in `values`.
  void clear_channel(std::size_t layer, std::int64_t channel, std::span<float> values) const;

  // Adds the map of a layer of a sample to `to` [map_size()]: ReLU, size, and for several layers
  // the division by the largest value.
  void add(std::size_t layer, std::vector<double> map, std::span<double> to) const;
  // Of the only layer: the sum of channels x points by weights of channels.
  void add_weighted(std::span<const float> channels, std::span<const double> weights,
                    std::span<double> to) const;
  std::size_t map_size() const { return static_cast<std::size_t>(map_height_ * map_width_); }

  // Closes the books with one map per sample [N, 1, H, W].
  Attribution finish(ExplainRun& run, const std::vector<double>& maps) const;
  // Other maps in a result of the same run.
  void replace(Attribution& result, const std::vector<double>& maps) const;

 private:
  std::vector<char> dead(const std::vector<double>& maps) const;
  struct Size {
    std::int64_t height, width;
  };
  Size size_of(const Layer& layer, const CamOptions& o, const ExplainRun& run) const;

  std::vector<Layer> layers_;
  std::vector<Size> sizes_;
  CamOptions options_;
  std::int64_t map_height_ = 0, map_width_ = 0;
};

// Error unless there is one layer.
void require_one_layer(const ExplainRun& run, const LayerMaps& maps);

}  // namespace ingrad
