// SPDX-License-Identifier: Apache-2.0
#include "attribution/maps/cam_formulas.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "engine/random.h"

namespace ingrad {
namespace {

constexpr std::uint64_t kRandomStream = 0x63616d;  // "cam"

struct Maps {
  std::span<const float> a, g;
  std::size_t points, channels;

  double activation(std::size_t k, std::size_t i) const {
    return static_cast<double>(a[k * points + i]);
  }
  double gradient(std::size_t k, std::size_t i) const {
    return static_cast<double>(g[k * points + i]);
  }
};

double grad_cam_weight(const Maps& m, std::size_t k) {
  double sum = 0;
  for (std::size_t i = 0; i < m.points; ++i) sum += m.gradient(k, i);
  return sum / static_cast<double>(m.points);
}

double plus_plus_weight(const Maps& m, std::size_t k) {
  double total = 0, weight = 0;
  for (std::size_t i = 0; i < m.points; ++i) total += m.activation(k, i);
  for (std::size_t i = 0; i < m.points; ++i) {
    const double g = m.gradient(k, i), square = g * g;
    const double below = 2 * square + total * square * g;
    // As the quotient's limit has no meaning at zero, such points count for nothing.
    if (g > 0 && below != 0) weight += square / below * g;
  }
  return weight;
}

double xgrad_weight(const Maps& m, std::size_t k) {
  double total = 0, product = 0;
  for (std::size_t i = 0; i < m.points; ++i) {
    total += m.activation(k, i);
    product += m.activation(k, i) * m.gradient(k, i);
  }
  return total != 0 ? product / total : 0;
}

template <class Weight>
std::vector<double> weighted(const Maps& m, Weight weight) {
  std::vector<double> map(m.points);
  for (std::size_t k = 0; k < m.channels; ++k) {
    const double w = weight(k);
    for (std::size_t i = 0; i < m.points; ++i) map[i] += w * m.activation(k, i);
  }
  return map;
}

template <class Term>
std::vector<double> summed(const Maps& m, Term term) {
  std::vector<double> map(m.points);
  for (std::size_t k = 0; k < m.channels; ++k) {
    for (std::size_t i = 0; i < m.points; ++i) {
      map[i] += term(m.activation(k, i), m.gradient(k, i));
    }
  }
  return map;
}

// Points x channels times its first right singular vector. The sign is free: the one by which the
// map goes along with the mean over channels.
template <class Entry>
std::vector<double> principal(const Maps& m, Entry entry) {
  const auto rows = static_cast<Eigen::Index>(m.points);
  const auto columns = static_cast<Eigen::Index>(m.channels);
  Eigen::MatrixXd x(rows, columns);
  for (Eigen::Index k = 0; k < columns; ++k) {
    for (Eigen::Index i = 0; i < rows; ++i) {
      x(i, k) = entry(static_cast<std::size_t>(k), static_cast<std::size_t>(i));
    }
  }
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(x, Eigen::ComputeThinV);
  if (svd.singularValues().size() == 0 || svd.singularValues()(0) <= 0) {
    return std::vector<double>(m.points);
  }
  Eigen::VectorXd map = x * svd.matrixV().col(0);
  const Eigen::VectorXd mean = x.rowwise().mean();
  const double along =
      (map.array() - map.mean()).matrix().dot((mean.array() - mean.mean()).matrix());
  if (along < 0 || (along == 0 && map.sum() < 0)) map = -map;
  return {map.data(), map.data() + map.size()};
}

std::vector<double> norm_grad_map(const Maps& m) {
  const auto a = summed(m, [](double v, double) { return v * v; });
  auto map = summed(m, [](double, double v) { return v * v; });
  for (std::size_t i = 0; i < map.size(); ++i) map[i] = std::sqrt(map[i] * a[i]);
  return map;
}

}  // namespace

std::string_view name_of(CamRule rule) {
  constexpr std::string_view kNames[] = {
      "grad_cam",  "grad_cam_plus_plus", "xgrad_cam",      "hires_cam", "element_wise_cam",
      "layer_cam", "eigen_cam",          "eigen_grad_cam", "norm_grad", "random_cam"};
  return kNames[static_cast<std::size_t>(rule)];
}

std::vector<double> cam_map(CamRule rule, std::span<const float> a, std::span<const float> g,
                            std::size_t points, std::uint64_t seed, std::uint64_t sample) {
  const Maps m{a, g, points, a.size() / points};
  switch (rule) {
    case CamRule::grad_cam:
      return weighted(m, [&](std::size_t k) { return grad_cam_weight(m, k); });
    case CamRule::grad_cam_plus_plus:
      return weighted(m, [&](std::size_t k) { return plus_plus_weight(m, k); });
    case CamRule::xgrad_cam: return weighted(m, [&](std::size_t k) { return xgrad_weight(m, k); });
    case CamRule::hires_cam: return summed(m, [](double v, double d) { return v * d; });
    case CamRule::element_wise:
      return summed(m, [](double v, double d) { return std::max(v * d, 0.0); });
    case CamRule::layer_cam:
      return summed(m, [](double v, double d) { return v * std::max(d, 0.0); });
    case CamRule::eigen_cam:
      return principal(m, [&](std::size_t k, std::size_t i) { return m.activation(k, i); });
    case CamRule::eigen_grad_cam:
      return principal(
          m, [&](std::size_t k, std::size_t i) { return m.activation(k, i) * m.gradient(k, i); });
    case CamRule::norm_grad: return norm_grad_map(m);
    case CamRule::random_cam: {
      const Tensor w = random_uniform({1, static_cast<std::int64_t>(m.channels)},
                                      {seed, kRandomStream, sample, 0}, -1, 1, DType::f64);
      return weighted(m, [&](std::size_t k) { return w.data<double>()[k]; });
    }
  }
  return {};
}

}  // namespace ingrad
