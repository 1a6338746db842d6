// SPDX-License-Identifier: Apache-2.0
#include "attribution/perturbation/linear_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace ingrad {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Coordinate descent on 1/2 c' G c - b' c + penalty |c|_1.
VectorXd descend(const MatrixXd& g, const VectorXd& b, double penalty) {
  constexpr int kMostRounds = 10'000;
  constexpr double kTolerance = 1e-12;
  VectorXd c = VectorXd::Zero(b.size()), slope = b;  // slope = b - G c
  for (int round = 0; round < kMostRounds; ++round) {
    double moved = 0, largest = 0;
    for (Index j = 0; j < b.size(); ++j) {
      if (g(j, j) <= 0) continue;
      const double at = slope(j) + g(j, j) * c(j);
      const double next = std::copysign(std::max(std::abs(at) - penalty, 0.0), at) / g(j, j);
      const double step = next - c(j);
      if (step != 0) slope -= g.col(j) * step;
      c(j) = next;
      moved = std::max(moved, std::abs(step));
      largest = std::max(largest, std::abs(next));
    }
    if (moved <= kTolerance * std::max(largest, 1e-300)) break;
  }
  return c;
}

}  // namespace

LinearFit fit_linear(std::span<const double> rows, std::size_t columns, std::span<const double> y,
                     std::span<const double> weights, const Penalty& penalty) {
  const auto n = static_cast<Index>(weights.size()), m = static_cast<Index>(columns);
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const RowMajor> x(rows.data(), n, m);
  const Eigen::Map<const VectorXd> target(y.data(), n), w(weights.data(), n);
  const double total = w.sum();
  // The intercept is free: it takes the weighted means out.
  const Eigen::RowVectorXd x_mean = w.transpose() * x / total;
  // Counted from the first target, so that constant ones have no deviation at all.
  const VectorXd above_first = target.array() - target(0);
  const double mean_above_first = w.dot(above_first) / total;
  const double y_mean = target(0) + mean_above_first;
  const MatrixXd centred = x.rowwise() - x_mean;
  const VectorXd deviation = above_first.array() - mean_above_first;
  const MatrixXd weighted = w.asDiagonal() * centred;
  MatrixXd gram = centred.transpose() * weighted;
  const VectorXd moment = weighted.transpose() * deviation;
  gram.diagonal().array() += penalty.ridge;
  VectorXd c(m);
  std::vector<Index> active;
  if (penalty.lasso > 0) {
    c = descend(gram, moment, penalty.lasso * total);
    for (Index j = 0; j < m; ++j) {
      if (c(j) != 0) active.push_back(j);
    }
  } else {
    for (Index j = 0; j < m; ++j) active.push_back(j);
  }
  Eigen::CompleteOrthogonalDecomposition<MatrixXd> solver;
  if (!active.empty()) solver.compute(MatrixXd(gram(active, active)));
  if (penalty.lasso <= 0) c = solver.solve(moment);
  const VectorXd residual = deviation - centred * c;
  LinearFit fit;
  fit.coefficients.assign(c.data(), c.data() + m);
  fit.errors.assign(columns, 0);
  fit.intercept = y_mean - x_mean.dot(c);
  const double spread = (w.array() * deviation.array().square()).sum();
  const double unexplained = (w.array() * residual.array().square()).sum();
  fit.r_squared = spread > 0 ? 1 - unexplained / spread : 1;
  if (active.empty()) return fit;
  const MatrixXd terms =
      solver.solve(MatrixXd((residual.asDiagonal() * weighted(Eigen::all, active)).transpose()));
  for (std::size_t k = 0; k < active.size(); ++k) {
    fit.errors[static_cast<std::size_t>(active[k])] = terms.row(static_cast<Index>(k)).norm();
  }
  return fit;
}

}  // namespace ingrad
