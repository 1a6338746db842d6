// SPDX-License-Identifier: Apache-2.0
// Deletion and insertion curves (Petsiuk et al., RISE, 2018).
#pragma once

#include <string>
#include <vector>

#include "attribution/attribution.h"

namespace ingrad {

struct CurveOptions {
  ScalarKind scalar = ScalarKind::prob;
  int steps = 20;            // points after the first; features are removed in equal parts
  double fill = 0;           // value of removed features
  bool least_first = false;  // LeRF instead of MoRF
  // One removal order per position: the channels of a pixel go together, ranked by their sum of |a|.
  // Inputs [N, C, H, W] only; otherwise every element is a feature of its own.
  bool whole_pixels = false;
  PoolOptions pool = {};
};

struct Curves {
  std::vector<double> fraction;  // of features removed (inserted), from 0 to 1
  // Mean over samples of f at each fraction; areas per sample by the trapezoid rule on `fraction`.
  std::vector<double> deletion, insertion;
  std::vector<double> deletion_area, insertion_area;  // [N]
  PoolStats cost;
};

// Removes features in descending order of signed attribution (ties by index), and inserts them in
// the same order into an input of `fill`. f is that of `targets`, fixed. Error when shapes differ.
Curves deletion_insertion(const ModelFn& model, const Tensor& x, const Tensor& attribution,
                          const std::vector<std::int64_t>& targets, const CurveOptions& options = {},
                          Location where = Location::current());

}  // namespace ingrad
