// SPDX-License-Identifier: Apache-2.0
// Weighted sums of gradients along straight paths, computed where the model is: its device makes
// the points, takes the gradients and adds them up, and only ends and sums travel. For devices,
// whose rate of rows no host keeps up with; what the CPU does row by row is in pool.h.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "attribution/pool.h"

namespace ingrad {

// Some points of a path from one row to another, and their weights.
struct PathPiece {
  std::int64_t sample = 0;  // whose class is explained
  const float *from = nullptr, *to = nullptr;
  std::span<const double> nodes, weights;
};

// Inputs: ends of pieces [N, row_shape...] f32 twice, nodes and weights [N, nodes] f32, classes
// i64 [N, 1], and the contrast classes for that scalar. Result: sum over k of weights[k] times
// df/drow at from + nodes[k] (to - from), f64 [N, row_shape...]. `model` must stay where it is.
GraphFn path_sum_function(const ModelFn& model, ScalarKind kind, Location where);

class PathSums {
 public:
  // Points of a piece, at most: sums do not depend on how paths are cut only if all cut alike.
  static constexpr std::size_t kMostNodes = 32;

  // As for Pool; options.device is where the model is.
  PathSums(ModelFn model, const Shape& row_shape, ScalarKind kind,
           std::vector<std::int64_t> targets, std::vector<std::int64_t> contrast,
           PoolOptions options, Location where = Location::current());
  ~PathSums();
  PathSums(const PathSums&) = delete;
  PathSums& operator=(const PathSums&) = delete;

  // Can a piece of so many nodes be computed below the cap? (Without one: yes.)
  bool fits(std::size_t nodes);
  // The sum of every piece, in order. All pieces have the same number of nodes, for which fits()
  // holds.
  using Consume = std::function<void(std::size_t piece, std::span<const double> sum)>;
  void run(std::span<const PathPiece> pieces, const Consume& consume);

  const PoolStats& stats() const { return stats_; }

 private:
  // The plan for pieces of so many nodes and what it needs; none where the cap is too small.
  struct Way {
    std::size_t nodes = 0;
    std::unique_ptr<PoolPlans::PathBench> bench;
    std::int64_t pieces = 0;       // of a batch
    std::int64_t piece_bytes = 0;  // of inputs and results
  };
  Way& way(std::size_t nodes);
  void leave_way();
  std::vector<Tensor> inputs_of(std::span<const PathPiece> pieces) const;

  ModelFn model_;
  Shape row_shape_;
  ScalarKind kind_;
  std::vector<std::int64_t> targets_, contrast_;
  PoolOptions options_;
  Location where_;
  PoolStats stats_;
  Way way_;
};

}  // namespace ingrad
