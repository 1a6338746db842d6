// SPDX-License-Identifier: Apache-2.0
#include "kernels/pair_pool.h"

#include "kernels/cpu/pair_pool.h"
#include "kernels/reference/pair_pool.h"

namespace ingrad::kernels {
namespace {

template <class Args>
std::int64_t planes(const Args& a) {
  return a.planes;
}
template <class Args>
std::int64_t plane_cost(const Args& a) {
  return a.size[0] * a.size[1];
}

}  // namespace

constinit const Family<PairPoolArgs> pair_pool("pair_pool", planes<PairPoolArgs>,
                                               plane_cost<PairPoolArgs>, nullptr,
                                               {{Backend::reference, DType::f32,
                                                 reference::pair_pool_f32},
                                                {Backend::cpu, DType::f32, cpu::pair_pool_f32}});
constinit const Family<PairPoolGradArgs> pair_pool_grad(
    "pair_pool_grad", planes<PairPoolGradArgs>, plane_cost<PairPoolGradArgs>, nullptr,
    {{Backend::reference, DType::f32, reference::pair_pool_grad_f32},
     {Backend::cpu, DType::f32, cpu::pair_pool_grad_f32}});

}  // namespace ingrad::kernels
