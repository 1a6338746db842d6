// SPDX-License-Identifier: Apache-2.0
#include "attribution/quadrature.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace ingrad {
namespace {

constexpr std::string_view kNames[] = {"left",      "right",   "midpoint",
                                       "trapezoid", "simpson", "gauss_legendre"};

struct Legendre {
  double value;
  double derivative;
};

// P_n and its derivative by the three-term recurrence.
Legendre legendre(int n, double x) {
  double before = 1, p = x;
  for (int k = 2; k <= n; ++k) {
    const double next = ((2 * k - 1) * x * p - (k - 1) * before) / k;
    before = p;
    p = next;
  }
  return {p, n * (x * p - before) / (x * x - 1)};
}

Quadrature gauss_legendre(int n) {
  Quadrature q;
  q.nodes.resize(static_cast<std::size_t>(n));
  q.weights.resize(q.nodes.size());
  for (int k = 1; k <= n; ++k) {
    // Newton from Tricomi's approximation of the k-th root, counted from the right.
    double x = std::cos(std::numbers::pi * (k - 0.25) / (n + 0.5));
    for (int i = 0; n > 1 && i < 6; ++i) {
      const Legendre p = legendre(n, x);
      x -= p.value / p.derivative;
    }
    if (2 * k == n + 1) x = 0;
    const double slope = n > 1 ? legendre(n, x).derivative : 1;
    const auto at = static_cast<std::size_t>(n - k);
    q.nodes[at] = (1 + x) / 2;
    q.weights[at] = 1 / ((1 - x * x) * slope * slope);
  }
  return q;
}

// n equal weights at (k + offset) / n.
Quadrature equal_weights(int n, double offset) {
  Quadrature q;
  for (int k = 0; k < n; ++k) {
    q.nodes.push_back((k + offset) / n);
    q.weights.push_back(1.0 / n);
  }
  return q;
}

// n nodes with both ends, weights by `factor(k)` before normalisation to sum one.
template <class Factor>
Quadrature closed(int n, Factor factor) {
  Quadrature q;
  double total = 0;
  for (int k = 0; k < n; ++k) {
    q.nodes.push_back(static_cast<double>(k) / (n - 1));
    q.weights.push_back(factor(k));
    total += q.weights.back();
  }
  for (double& w : q.weights) w /= total;
  return q;
}

}  // namespace

std::string_view name_of(QuadratureRule rule) { return kNames[static_cast<std::size_t>(rule)]; }

QuadratureRule quadrature_from_name(std::string_view name, Location where) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<QuadratureRule>(i);
  }
  throw Error(
      fmt::format("quadrature \"{}\" is unknown; expected left, right, midpoint, trapezoid, "
                  "simpson or gauss_legendre",
                  name),
      where);
}

Quadrature quadrature(QuadratureRule rule, int n, Location where) {
  const int least = rule == QuadratureRule::trapezoid ? 2 : rule == QuadratureRule::simpson ? 3 : 1;
  if (n < least || (rule == QuadratureRule::simpson && n % 2 == 0)) {
    throw Error(fmt::format("quadrature: {} with {} nodes; expected {}at least {}", name_of(rule),
                            n, rule == QuadratureRule::simpson ? "an odd number, " : "", least),
                where);
  }
  switch (rule) {
    case QuadratureRule::left: return equal_weights(n, 0);
    case QuadratureRule::right: return equal_weights(n, 1);
    case QuadratureRule::midpoint: return equal_weights(n, 0.5);
    case QuadratureRule::trapezoid:
      return closed(n, [n](int k) { return k == 0 || k == n - 1 ? 0.5 : 1.0; });
    case QuadratureRule::simpson:
      return closed(n, [n](int k) { return k == 0 || k == n - 1 ? 1.0 : k % 2 == 1 ? 4.0 : 2.0; });
    case QuadratureRule::gauss_legendre: return gauss_legendre(n);
  }
  return {};
}

}  // namespace ingrad
