// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.h"

#include "kernels/cpu/pool.h"
#include "kernels/reference/pool.h"

namespace ingrad::kernels {
namespace {

std::int64_t taps(const PoolAxis& a) {
  return a.first == nullptr ? a.kernel : a.in / (a.out > 0 ? a.out : 1) + 1;
}

std::int64_t units(const MaxPoolArgs& a) {
  return a.axis[2].out == 0 ? 0 : a.planes * a.axis[0].out * a.axis[1].out;
}
std::int64_t unit_cost(const MaxPoolArgs& a) {
  return 16 + a.axis[2].out * taps(a.axis[0]) * taps(a.axis[1]) * taps(a.axis[2]);
}

}  // namespace

constinit const Family<MaxPoolArgs> max_pool(
    "max_pool", units, unit_cost, nullptr,
    {{Backend::reference, DType::f32, reference::max_pool<float>},
     {Backend::reference, DType::f64, reference::max_pool<double>},
     {Backend::cpu, DType::f32, cpu::max_pool_f32},
     {Backend::cpu, DType::f64, cpu::max_pool_f64}});

}  // namespace ingrad::kernels
