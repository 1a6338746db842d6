// SPDX-License-Identifier: Apache-2.0
#include "attribution/paths/gaussian_blur.h"

#include <fmt/format.h>

#include <cmath>

namespace ingrad {
namespace {

// Weights at distances 0, 1, ... from the centre.
std::vector<double> half_kernel(double sigma) {
  const auto radius = static_cast<std::size_t>(4 * sigma + 0.5);
  std::vector<double> k(radius + 1);
  double total = 0;
  for (std::size_t i = 0; i < k.size(); ++i) {
    const double z = static_cast<double>(i) / sigma;
    k[i] = std::exp(-0.5 * z * z);
    total += i == 0 ? k[i] : 2 * k[i];
  }
  for (double& v : k) v /= total;
  return k;
}

// The point that stands for point `i` of a line; negative: a zero.
std::int64_t place(std::int64_t i, std::int64_t length, BlurEdge edge) {
  if (i >= 0 && i < length) return i;
  if (edge == BlurEdge::zero) return -1;
  if (edge == BlurEdge::nearest) return i < 0 ? 0 : length - 1;
  const std::int64_t period = 2 * length, at = (i % period + period) % period;
  return at < length ? at : period - 1 - at;
}

// Blurs along the rows of a [rows, columns] array and writes it transposed. Whole rows are added
// at a time.
void blur_and_transpose(const std::vector<double>& k, BlurEdge edge, std::int64_t rows,
                        std::int64_t columns, const double* from, double* to,
                        std::vector<double>& sum) {
  const auto radius = static_cast<std::int64_t>(k.size()) - 1;
  sum.resize(static_cast<std::size_t>(columns));
  for (std::int64_t y = 0; y < rows; ++y) {
    std::fill(sum.begin(), sum.end(), 0.0);
    for (std::int64_t d = -radius; d <= radius; ++d) {
      const std::int64_t source = place(y + d, rows, edge);
      if (source < 0) continue;
      const double weight = k[static_cast<std::size_t>(std::abs(d))];
      const double* const line = from + source * columns;
      for (std::size_t x = 0; x < sum.size(); ++x) sum[x] += weight * line[x];
    }
    for (std::size_t x = 0; x < sum.size(); ++x) {
      to[static_cast<std::int64_t>(x) * rows + y] = sum[x];
    }
  }
}

std::vector<double> blurred(std::vector<double> result, const Shape& row, double sigma,
                            BlurEdge edge) {
  if (4 * sigma + 0.5 < 1) return result;
  const std::vector<double> k = half_kernel(sigma);
  const std::int64_t height = row[1], width = row[2];
  std::vector<double> turned(static_cast<std::size_t>(height * width)), sum;
  for (std::int64_t c = 0; c < row[0]; ++c) {
    double* const channel = result.data() + c * height * width;
    blur_and_transpose(k, edge, height, width, channel, turned.data(), sum);
    blur_and_transpose(k, edge, width, height, turned.data(), channel, sum);
  }
  return result;
}

}  // namespace

void check_pictures(std::string_view method, const Shape& row, Location where) {
  if (row.rank() != 3) {
    throw Error(fmt::format("{}: samples are {}; expected pictures [C, H, W]", method, row.str()),
                where);
  }
}

std::vector<double> gaussian_blur(std::span<const float> picture, const Shape& row, double sigma,
                                  BlurEdge edge) {
  return blurred({picture.begin(), picture.end()}, row, sigma, edge);
}

std::vector<double> gaussian_blur(std::span<const double> picture, const Shape& row, double sigma,
                                  BlurEdge edge) {
  return blurred({picture.begin(), picture.end()}, row, sigma, edge);
}

}  // namespace ingrad
