// SPDX-License-Identifier: Apache-2.0
// Monotone paths through real embeddings, for Discretized Integrated Gradients.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "attribution/paths/token_paths.h"

namespace ingrad {

class EmbeddingPaths {
 public:
  // Error unless the vocabulary is floating [V, width] with V > 0, steps and neighbours positive.
  EmbeddingPaths(const DiscretizedIgOptions& options, std::int64_t width, Location where);

  // steps + 1 points from `token` to `baseline`: point k is written to to + k * stride.
  void write(std::span<const float> token, std::span<const float> baseline, float* to,
             std::size_t stride);

 private:
  std::span<const float> entry(std::int32_t i) const {
    return {vocabulary_.data<float>() + static_cast<std::size_t>(i) * width_, width_};
  }
  // Nearest first (Euclidean; at ties by number).
  std::vector<std::int32_t> nearest(std::span<const float> to) const;
  const std::vector<std::int32_t>& neighbours_of(std::int32_t anchor);
  // The best of `candidates` that is allowed; negative: none.
  std::int32_t choose(const std::vector<std::int32_t>& candidates, const float* last,
                      std::span<const float> token, std::span<const float> baseline, double share,
                      const std::vector<std::int32_t>& used) const;

  const DiscretizedIgOptions& o_;
  Tensor vocabulary_;
  std::size_t width_;
  std::unordered_map<std::int32_t, std::vector<std::int32_t>> known_;
};

}  // namespace ingrad
