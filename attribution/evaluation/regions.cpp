// SPDX-License-Identifier: Apache-2.0
#include "attribution/evaluation/regions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ingrad {
namespace {

void check(const Tensor& attribution, const Tensor& mask, Location where) {
  if (attribution.shape() != mask.shape() || attribution.rank() < 2 ||
      mask.dtype() != DType::boolean) {
    throw Error(fmt::format("regions: attribution {} with mask {}; expected equal shapes [samples, "
                            "...] and a boolean mask",
                            attribution.spec().str(), mask.spec().str()),
                where);
  }
}

RegionShare summary(std::vector<double> share) {
  RegionShare r;
  double total = 0;
  for (const double s : share) {
    if (std::isnan(s)) {
      ++r.undefined;
    } else {
      total += s;
    }
  }
  const auto defined = static_cast<std::int64_t>(share.size()) - r.undefined;
  r.mean = defined > 0 ? total / static_cast<double>(defined)
                       : std::numeric_limits<double>::quiet_NaN();
  r.share = std::move(share);
  return r;
}

}  // namespace

RegionShare share_in_mask(const Tensor& attribution, const Tensor& mask, bool positive_only,
                          Location where) {
  check(attribution, mask, where);
  const auto a = attribution.to_vector<double>();
  const auto m = mask.to_vector<std::uint8_t>();
  const auto n = static_cast<std::size_t>(attribution.dim(0));
  const std::size_t width = n == 0 ? 0 : a.size() / n;
  std::vector<double> share;
  for (std::size_t s = 0; s < n; ++s) {
    double inside = 0, total = 0;
    bool any = false;
    for (std::size_t i = s * width; i < (s + 1) * width; ++i) {
      const double v = positive_only ? std::max(a[i], 0.0) : std::abs(a[i]);
      total += v;
      if (m[i] != 0) inside += v;
      any = any || m[i] != 0;
    }
    share.push_back(any && total > 0 ? inside / total : std::numeric_limits<double>::quiet_NaN());
  }
  return summary(std::move(share));
}

RegionShare top_share_in_mask(const Tensor& attribution, const Tensor& mask, double fraction,
                              Location where) {
  check(attribution, mask, where);
  if (!(fraction > 0 && fraction <= 1)) {
    throw Error(fmt::format("regions: fraction {}; expected a value in (0, 1]", fraction), where);
  }
  const auto a = attribution.to_vector<double>();
  const auto m = mask.to_vector<std::uint8_t>();
  const auto n = static_cast<std::size_t>(attribution.dim(0));
  const std::size_t width = n == 0 ? 0 : a.size() / n;
  const auto top = std::max<std::size_t>(
      static_cast<std::size_t>(std::lround(fraction * static_cast<double>(width))), 1);
  std::vector<double> share;
  std::vector<std::size_t> order(width);
  for (std::size_t s = 0; s < n; ++s) {
    const double* row = a.data() + s * width;
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [row](std::size_t i, std::size_t j) {
      return std::abs(row[i]) > std::abs(row[j]);
    });
    std::size_t inside = 0;
    for (std::size_t k = 0; k < top; ++k) inside += m[s * width + order[k]] != 0 ? 1 : 0;
    const bool any = std::any_of(m.begin() + static_cast<std::ptrdiff_t>(s * width),
                                 m.begin() + static_cast<std::ptrdiff_t>((s + 1) * width),
                                 [](std::uint8_t v) { return v != 0; });
    share.push_back(any ? static_cast<double>(inside) / static_cast<double>(top)
                        : std::numeric_limits<double>::quiet_NaN());
  }
  return summary(std::move(share));
}

}  // namespace ingrad
