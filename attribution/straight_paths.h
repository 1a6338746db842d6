// SPDX-License-Identifier: Apache-2.0
// Straight paths from baselines to samples, and the sums of gradients along them.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "attribution/affine_prefix.h"
#include "attribution/path_sums.h"
#include "attribution/quadrature.h"
#include "attribution/run.h"

namespace ingrad {

// The path from every baseline to every sample. Where the model begins with an affine part, points
// and sums are those of its values (attribution/affine_prefix.h).
//
// The nodes of a path are cut into pieces of at most PathSums::kMostNodes. A piece is added up in
// double by halves, as reductions do (kernels/reduce.h), pieces one after the other: row by row or
// on a device, below any cap, sums are the same function of the gradients.
class StraightPaths {
 public:
  // baselines: from baseline_rows() (attribution/baselines.h).
  StraightPaths(ExplainRun& run, const ModelFn& model, std::vector<Tensor> baselines,
                const ExplainOptions& options);

  std::int64_t baselines() const { return static_cast<std::int64_t>(baselines_.size()); }
  // Mean of f over the baselines, per sample.
  std::vector<double> baseline_values();
  // Adds weights[k] * gradient at nodes[k] of every path of the given samples.
  void add(std::span<const std::int64_t> samples, const Quadrature& q);
  // The attribution of a sample: the mean over baselines of (x - x') sum * scale.
  std::vector<double> attribution(std::int64_t sample, double scale, bool multiply) const;
  // Adds what was evaluated to the cost of the run.
  void close();

 private:
  Pool& pool() { return rest_ ? *rest_ : run_.pool(); }
  std::size_t path(std::int64_t sample, std::int64_t b) const {
    return static_cast<std::size_t>(sample * baselines() + b);
  }
  const float* end(std::size_t which, std::int64_t sample) const {
    return ends_[which].data<float>() + static_cast<std::size_t>(sample) * width_;
  }
  void add_by_rows(std::span<const PathPiece> pieces, const PathSums::Consume& consume);
  Tensor through_prefix(const Tensor& rows) const;
  void back_through_prefix(std::span<const std::int64_t> samples);

  ExplainRun& run_;
  std::vector<Tensor> baselines_;
  std::int64_t prefix_rows_;  // that go through the prefix at a time, op by op
  std::optional<AffinePrefix> prefix_;
  std::optional<Pool> rest_;
  std::optional<PathSums> on_device_;
  std::size_t width_;              // of a row that is interpolated
  std::vector<Tensor> ends_;       // baselines, then samples, in such rows
  std::vector<double> sums_;       // along paths, of gradients of the prefix's values
  std::vector<double> gradients_;  // of gradients of the inputs
};

}  // namespace ingrad
