// SPDX-License-Identifier: Apache-2.0
// Explainers of pictures that hide parts by masks and ask how f depends on them. Results are maps
// [N, 1, H, W].
#pragma once

#include <cstdint>
#include <vector>

#include "attribution/attribution.h"

namespace ingrad {

struct RiseOptions {
  int masks = 4000;                    // as the paper, for small pictures; 8000 for large ones
  std::int64_t cells = 7;              // of the coarse grid along each axis
  double probability = 0.5;            // that a cell is visible
  std::vector<Tensor> baselines = {};  // what hidden pixels become; several: the mean of f
  // Divide by the expected visibility masks * probability (the paper), or by that of each pixel.
  bool by_expectation = true;
  bool centred = false;      // less the mean of f: signed, without the constant
  bool shared_masks = true;  // the same for all samples; else drawn for each
  std::uint64_t seed = 1;
};
// Petsiuk et al. 2018: the mean of f over randomly masked pictures, each pixel weighted by its
// visibility. Masks are coarse grids of zeros and ones, enlarged bilinearly and shifted at random.
// The map contains the mean of f as a constant. Standard errors per pixel. Error unless samples are
// [C, H, W].
Attribution explain_rise(const ModelFn& model, const Tensor& x, const RiseOptions& method = {},
                         const ExplainOptions& options = {}, Location where = Location::current());

struct SobolOptions {
  std::int64_t cells = 8;  // of the grid along each axis
  int points = 32;         // of a design; each evaluates points (cells^2 + 2) pictures
  int designs = 2;         // independent ones: the mean, and its standard error
  std::vector<Tensor> baselines = {};
  std::uint64_t seed = 1;
};
// Fel et al. 2021 ("Look at the Variance!"): total-order Sobol indices of f in the transparencies
// of cells, uniform in [0, 1], by Jansen's estimator on Latin hypercubes: the share of the variance
// of f that involves a cell. Not signed. Zero where f does not vary.
Attribution explain_sobol(const ModelFn& model, const Tensor& x, const SobolOptions& method = {},
                          const ExplainOptions& options = {}, Location where = Location::current());

struct HsicOptions {
  std::int64_t cells = 8;
  int masks = 500;  // of a design, as Xplique
  int designs = 2;
  std::vector<Tensor> baselines = {};
  std::uint64_t seed = 1;
};
// Novello et al. 2022: the Hilbert-Schmidt independence criterion between the visibility of a cell
// (0 or 1; kernel: are they equal?) and f (Gaussian kernel, width the median distance), by its
// biased estimate. Not signed.
Attribution explain_hsic(const ModelFn& model, const Tensor& x, const HsicOptions& method = {},
                         const ExplainOptions& options = {}, Location where = Location::current());

}  // namespace ingrad
