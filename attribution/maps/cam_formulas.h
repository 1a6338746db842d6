// SPDX-License-Identifier: Apache-2.0
// Class activation maps from the activations A and the gradients g of a layer: the formulas of the
// methods, in double, for one sample.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ingrad {

enum class CamRule : std::uint8_t {
  grad_cam,            // w_k = mean of g_k (Selvaraju et al. 2017)
  grad_cam_plus_plus,  // w_k = sum a [g_k]+, a = g^2 / (2 g^2 + (sum A_k) g^3) (Chattopadhay 2018)
  xgrad_cam,           // w_k = sum g_k A_k / sum A_k (Fu et al. 2020)
  hires_cam,           // the sum over channels of g A, point by point (Draelos & Carin 2020)
  element_wise,        // of [g A]+
  layer_cam,           // of [g]+ A (Jiang et al. 2021)
  eigen_cam,           // A's projection on its first right singular vector, A being points x
                       // channels and not centred (Muhammad & Yeasin 2020)
  eigen_grad_cam,      // that of g A
  norm_grad,           // the norm of A times that of g at every point (Rebuffi et al. 2020)
  random_cam,          // weights uniform in [-1, 1]: a control
};
std::string_view name_of(CamRule rule);  // "grad_cam_plus_plus"

// `a` and `g` hold channels x points, row-major. The map of `points` values, before ReLU. `seed`
// and `sample` key the weights of random_cam. Without a gradient anywhere, maps that use it are
// zero.
std::vector<double> cam_map(CamRule rule, std::span<const float> a, std::span<const float> g,
                            std::size_t points, std::uint64_t seed, std::uint64_t sample);

}  // namespace ingrad
