// SPDX-License-Identifier: Apache-2.0
// KernelSHAP: Shapley values by least squares over coalitions.
#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "attribution/perturbation/game.h"
#include "attribution/perturbation/shapley.h"
#include "engine/random.h"

namespace ingrad {
namespace {

constexpr std::uint64_t kCoalitionStream = 0x636f616c6974;  // "coalit"

double choose(std::int64_t n, std::int64_t k) {
  double c = 1;
  for (std::int64_t i = 0; i < k; ++i) c *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  return c;
}

// The share of the Shapley kernel that coalitions of k of m players have together, up to a factor.
double mass(std::int64_t m, std::int64_t k) {
  return static_cast<double>(m - 1) / static_cast<double>(k * (m - k));
}

// Coalitions with their weights; drawn ones come last, each before its complement.
struct Design {
  std::vector<Coalition> coalitions;
  std::vector<double> weights;
  std::size_t enumerated = 0;
  std::size_t pairs() const { return (coalitions.size() - enumerated) / 2; }
};

// All coalitions of k players, each followed by its complement unless that is of the same size.
void enumerate(std::int64_t m, std::int64_t k, Design& design) {
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(k));
  for (std::int64_t i = 0; i < k; ++i) chosen[static_cast<std::size_t>(i)] = i;
  const double weight = mass(m, k) / choose(m, k);
  while (true) {
    Coalition c(m);
    for (const std::int64_t p : chosen) c.set(p, true);
    if (2 * k != m) {
      design.coalitions.push_back(c.complement(m));
      design.weights.push_back(weight);
    }
    design.coalitions.push_back(std::move(c));
    design.weights.push_back(weight);
    std::int64_t i = k - 1;
    while (i >= 0 && chosen[static_cast<std::size_t>(i)] == m - k + i) --i;
    if (i < 0) return;
    ++chosen[static_cast<std::size_t>(i)];
    for (std::int64_t j = i + 1; j < k; ++j) {
      chosen[static_cast<std::size_t>(j)] = chosen[static_cast<std::size_t>(j - 1)] + 1;
    }
  }
}

Design design_for(std::int64_t m, std::int64_t budget, std::uint64_t seed, std::uint64_t sample) {
  Design design;
  std::int64_t k = 1;  // the smallest size that is not enumerated, with m - k
  double left = 0;     // mass of sizes [k, m - k]
  for (std::int64_t i = 1; i < m; ++i) left += mass(m, i);
  for (; 2 * k <= m; ++k) {
    const double sides = 2 * k == m ? 1 : 2;
    const double share = sides * mass(m, k) / left;
    const auto room = static_cast<double>(budget) - static_cast<double>(design.coalitions.size());
    if (sides * choose(m, k) > room * share * (1 + 1e-9)) break;
    enumerate(m, k, design);
    left -= sides * mass(m, k);
  }
  design.enumerated = design.coalitions.size();
  if (2 * k > m) return design;
  const std::int64_t pairs =
      std::max<std::int64_t>((budget - static_cast<std::int64_t>(design.enumerated)) / 2, 1);
  for (std::int64_t d = 0; d < pairs; ++d) {
    const RandomKey key{seed, kCoalitionStream, sample, static_cast<std::uint64_t>(d)};
    double u = random_uniform({1}, key, 0, left, DType::f64).item();
    std::int64_t size = k;
    while (size < m - k && u >= mass(m, size)) u -= mass(m, size++);
    const RandomKey order{seed, kCoalitionStream + 1, sample, static_cast<std::uint64_t>(d)};
    const auto players = random_permutation(m, order).to_vector<std::int64_t>();
    Coalition c(m);
    for (std::int64_t i = 0; i < size; ++i) c.set(players[static_cast<std::size_t>(i)], true);
    design.coalitions.push_back(c);
    design.coalitions.push_back(c.complement(m));
    design.weights.insert(design.weights.end(), 2, left / static_cast<double>(2 * pairs));
  }
  return design;
}

struct Solution {
  std::vector<double> values, errors;
};

// The constraint that values add up to `difference` takes the last player out of the system.
Solution solve(const Design& design, const std::vector<double>& v, double empty, double difference,
               std::int64_t m, Location where) {
  Solution s{std::vector<double>(static_cast<std::size_t>(m)),
             std::vector<double>(static_cast<std::size_t>(m))};
  if (m == 1) {
    s.values[0] = difference;
    return s;
  }
  const auto n = static_cast<Eigen::Index>(design.coalitions.size());
  Eigen::MatrixXd rows(n, m - 1);
  Eigen::VectorXd y(n), w(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const Coalition& c = design.coalitions[static_cast<std::size_t>(i)];
    const double last = c.has(m - 1) ? 1 : 0;
    for (std::int64_t j = 0; j + 1 < m; ++j) rows(i, j) = (c.has(j) ? 1 : 0) - last;
    y(i) = v[static_cast<std::size_t>(i)] - empty - last * difference;
    w(i) = design.weights[static_cast<std::size_t>(i)];
  }
  const Eigen::MatrixXd weighted = w.asDiagonal() * rows;
  const Eigen::LDLT<Eigen::MatrixXd> system(rows.transpose() * weighted);
  const Eigen::VectorXd pivots = system.vectorD();
  if (system.info() != Eigen::Success || pivots.minCoeff() < 1e-12 * pivots.maxCoeff()) {
    throw Error(
        fmt::format("kernel_shap: {} coalitions do not determine the values of {} features; "
                    "ask for more samples",
                    n, m),
        where);
  }
  const Eigen::VectorXd phi = system.solve(weighted.transpose() * y);
  for (std::int64_t j = 0; j + 1 < m; ++j) s.values[static_cast<std::size_t>(j)] = phi(j);
  s.values.back() = difference - phi.sum();
  const auto pairs = static_cast<Eigen::Index>(design.pairs());
  if (pairs == 0) return s;
  if (pairs == 1) {
    std::fill(s.errors.begin(), s.errors.end(), std::numeric_limits<double>::quiet_NaN());
    return s;
  }
  // What every pair adds to the solution; the estimate is a sum of such terms.
  const Eigen::VectorXd residual = y - rows * phi;
  Eigen::MatrixXd terms(m - 1, pairs);
  for (Eigen::Index p = 0; p < pairs; ++p) {
    const auto i = static_cast<Eigen::Index>(design.enumerated) + 2 * p;
    terms.col(p) = weighted.row(i).transpose() * residual(i) +
                   weighted.row(i + 1).transpose() * residual(i + 1);
  }
  terms = system.solve(terms).eval();
  Eigen::MatrixXd all(m, pairs);
  all.topRows(m - 1) = terms;
  all.row(m - 1) = -terms.colwise().sum();
  const Eigen::VectorXd mean = all.rowwise().mean();
  const Eigen::VectorXd squares = (all.colwise() - mean).rowwise().squaredNorm();
  const auto count = static_cast<double>(pairs);
  for (std::int64_t j = 0; j < m; ++j) {
    s.errors[static_cast<std::size_t>(j)] = std::sqrt(squares(j) * count / (count - 1));
  }
  return s;
}

}  // namespace

Attribution explain_kernel_shap(const ModelFn& model, const Tensor& x, const KernelShapOptions& o,
                                const ExplainOptions& options, Location where) {
  if (o.samples < 0) {
    throw Error(fmt::format("kernel_shap: {} samples; expected 0 (the default) or more", o.samples),
                where);
  }
  ExplainRun run("kernel_shap", model, x, options, where);
  Game game(run, o.features, o.baselines);
  Attribution& r = run.result();
  std::vector<double> empty = game.empty_values();
  const auto linked = [&](double v) {
    if (!o.logit_link) return v;
    if (!(v > 0 && v < 1)) {
      throw Error(fmt::format("kernel_shap: f is {}; the logit link expects values between 0 and 1 "
                              "(the scalar \"prob\")",
                              v),
                  where);
    }
    return std::log(v / (1 - v));
  };
  std::vector<Design> designs;  // by input; its classes share it
  for (std::int64_t s = 0; s < run.samples(); s += run.classes()) {
    const std::int64_t m = game.players(s);
    const std::int64_t all = m < 40 ? (std::int64_t{1} << m) - 2 : INT64_MAX;
    const std::int64_t wanted = o.samples > 0 ? o.samples : 2 * m + 2048;
    designs.push_back(m < 2 ? Design{}
                            : design_for(m, std::min(wanted, all), o.seed, run.number_of(s)));
  }
  const auto design = [&](std::int64_t s) -> const Design& {
    return designs[static_cast<std::size_t>(s / run.classes())];
  };
  Game::PerFeature v(static_cast<std::size_t>(run.samples()));
  game.play(
      {.count =
           [&](std::int64_t s) { return static_cast<std::int64_t>(design(s).coalitions.size()); },
       .make = [&](std::int64_t s,
                   std::int64_t i) { return design(s).coalitions[static_cast<std::size_t>(i)]; },
       .take = [&](std::int64_t s, std::int64_t,
                   double value) { v[static_cast<std::size_t>(s)].push_back(linked(value)); }});
  Game::PerFeature values, errors;
  for (std::size_t s = 0; s < v.size(); ++s) {
    r.f[s] = linked(r.f[s]);
    empty[s] = linked(empty[s]);
    const auto sample = static_cast<std::int64_t>(s);
    Solution solution =
        solve(design(sample), v[s], empty[s], r.f[s] - empty[s], game.players(sample), where);
    values.push_back(std::move(solution.values));
    errors.push_back(std::move(solution.errors));
    r.steps.push_back(static_cast<int>(v[s].size()));
  }
  r.seed = o.seed;
  game.set_empty_values(std::move(empty));
  return game.finish(values, errors, true);
}

}  // namespace ingrad
