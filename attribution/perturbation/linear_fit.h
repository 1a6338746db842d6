// SPDX-License-Identifier: Apache-2.0
// Weighted linear fits of small size, in double: the surrogate models of LIME.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ingrad {

struct LinearFit {
  std::vector<double> coefficients;
  std::vector<double> errors;  // standard errors (sandwich estimate: rows are draws)
  double intercept = 0;
  double r_squared = 0;  // weighted; 1 where the targets are constant
};

struct Penalty {
  double ridge = 0;  // of sum w (y - b - x c)^2 + ridge |c|^2
  double lasso = 0;  // of sum w (y - b - x c)^2 / (2 sum w) + lasso |c|_1 (as scikit-learn's Lasso)
};

// `rows` is row-major, weights.size() rows of `columns`; the intercept is not penalised. With
// lasso, errors are those of the coefficients that are not zero, given which ones they are. Columns
// that the rows do not tell apart get coefficients of least norm.
LinearFit fit_linear(std::span<const double> rows, std::size_t columns, std::span<const double> y,
                     std::span<const double> weights, const Penalty& penalty);

}  // namespace ingrad
