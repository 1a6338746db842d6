// SPDX-License-Identifier: Apache-2.0
#include "kernels/mlp_gradient.h"

#include "kernels/reference/mlp_gradient.h"

namespace ingrad::kernels {
namespace {

std::int64_t rows(const MlpGradientArgs& a) { return a.rows; }
std::int64_t row_cost(const MlpGradientArgs& a) {
  std::int64_t cost = 1;
  for (std::size_t l = 0; l < static_cast<std::size_t>(a.layers); ++l) {
    cost += 2 * a.width[l] * a.width[l + 1];
  }
  return cost;
}

}  // namespace

constinit const Family<MlpGradientArgs> mlp_gradient("mlp_gradient", rows, row_cost, nullptr,
                                                     {{Backend::reference, DType::f32,
                                                       reference::mlp_gradient_f32}});

}  // namespace ingrad::kernels
