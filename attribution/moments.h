// SPDX-License-Identifier: Apache-2.0
// Running moments of arrays that come one by one, and the standard errors of what is read off them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace ingrad {

// Mean and sums of powers of deviations from it, element by element, by Welford's updates and their
// extension to higher orders (Pebay 2008): sums of squares would cancel.
class Moments {
 public:
  // `fourth`: also the third and fourth powers, for error_of_variance().
  explicit Moments(std::size_t n, bool fourth = false) : mean_(n), m2_(n) {
    if (!fourth) return;
    m3_.resize(n);
    m4_.resize(n);
  }

  // The `count`-th array (from 1) of the elements from `at` on.
  template <class Values>
  void add(std::size_t at, const Values& values, int count) {
    const double n = count;
    if (!m4_.empty()) add_fourth(at, values, n);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double x = static_cast<double>(values[i]);
      const double before = x - mean_[at + i];
      mean_[at + i] += before / n;
      m2_[at + i] += before * (x - mean_[at + i]);
    }
  }

  const std::vector<double>& mean() const { return mean_; }
  // With divisor count - 1 (`sample`) or count.
  std::vector<double> variance(int count, bool sample = true) const {
    std::vector<double> v = m2_;
    for (double& e : v) e /= sample ? count - 1 : count;
    return v;
  }

  // Of the mean of `count` independent arrays; NaN for one.
  std::vector<double> error_of_mean(int count) const {
    std::vector<double> e(mean_.size(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; count > 1 && i < e.size(); ++i) {
      e[i] = std::sqrt(m2_[i] / (count - 1) / static_cast<double>(count));
    }
    return e;
  }
  // Of the sample variance, by the fourth moment; NaN for fewer than four arrays.
  std::vector<double> error_of_variance(int count) const {
    std::vector<double> e(mean_.size(), std::numeric_limits<double>::quiet_NaN());
    const double n = count;
    for (std::size_t i = 0; count > 3 && i < e.size(); ++i) {
      const double s2 = m2_[i] / (n - 1);
      e[i] = std::sqrt(std::max(m4_[i] / n - s2 * s2 * (n - 3) / (n - 1), 0.0) / n);
    }
    return e;
  }

 private:
  // From the lower powers before they are updated.
  template <class Values>
  void add_fourth(std::size_t at, const Values& values, double n) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t k = at + i;
      const double d = static_cast<double>(values[i]) - mean_[k], dn = d / n;
      const double term = d * dn * (n - 1);
      m4_[k] += term * dn * dn * (n * n - 3 * n + 3) + 6 * dn * dn * m2_[k] - 4 * dn * m3_[k];
      m3_[k] += term * dn * (n - 2) - 3 * dn * m2_[k];
    }
  }

  std::vector<double> mean_, m2_, m3_, m4_;
};

}  // namespace ingrad
