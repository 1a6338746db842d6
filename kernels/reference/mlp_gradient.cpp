// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/mlp_gradient.h"

#include <vector>

namespace ingrad::kernels::reference {

void mlp_gradient_f32(const MlpGradientArgs& a, Range range) {
  const auto layers = static_cast<std::size_t>(a.layers);
  const auto weight = [&](std::size_t l, std::int64_t to, std::int64_t from) {
    return double{static_cast<const float*>(a.weight[l])[to * a.width[l] + from]};
  };
  for (std::int64_t r = range.begin; r < range.end; ++r) {
    std::vector<std::vector<double>> h(layers);
    for (std::int64_t i = 0; i < a.width[0]; ++i) {
      h[0].push_back(double{static_cast<const float*>(a.x)[r * a.width[0] + i]});
    }
    for (std::size_t l = 0; l + 1 < layers; ++l) {
      for (std::int64_t to = 0; to < a.width[l + 1]; ++to) {
        double sum = a.bias[l] ? double{static_cast<const float*>(a.bias[l])[to]} : 0;
        for (std::int64_t from = 0; from < a.width[l]; ++from) {
          sum += weight(l, to, from) * h[l][static_cast<std::size_t>(from)];
        }
        h[l + 1].push_back(sum > 0 ? sum : 0);
      }
    }
    const bool inside = a.index[r] >= 0 && a.index[r] < a.width[layers];
    std::vector<double> g;
    for (std::int64_t i = 0; i < a.width[layers - 1]; ++i) {
      g.push_back(inside ? weight(layers - 1, a.index[r], i) : 0);
    }
    for (std::size_t l = layers - 1; l-- > 0;) {
      std::vector<double> below(static_cast<std::size_t>(a.width[l]));
      for (std::int64_t to = 0; to < a.width[l + 1]; ++to) {
        if (h[l + 1][static_cast<std::size_t>(to)] <= 0) continue;
        for (std::int64_t from = 0; from < a.width[l]; ++from) {
          below[static_cast<std::size_t>(from)] += g[static_cast<std::size_t>(to)] * weight(l, to, from);
        }
      }
      g = std::move(below);
    }
    for (std::int64_t i = 0; i < a.width[0]; ++i) {
      static_cast<float*>(a.dx)[r * a.width[0] + i] = static_cast<float>(g[static_cast<std::size_t>(i)]);
    }
  }
}

}  // namespace ingrad::kernels::reference
