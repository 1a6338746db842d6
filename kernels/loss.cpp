// SPDX-License-Identifier: Apache-2.0
#include "kernels/loss.h"

#include "kernels/cpu/loss.h"
#include "kernels/reference/loss.h"

namespace ingrad::kernels {
namespace {
template <class Args>
std::int64_t units(const Args& a) {
  return a.outer * a.inner;
}
template <class Args>
std::int64_t unit_cost(const Args& a) {
  return 12 * a.n;
}
}  // namespace

constinit const Family<CrossEntropyArgs> cross_entropy(
    "cross_entropy", units<CrossEntropyArgs>, unit_cost<CrossEntropyArgs>, nullptr,
    {{Backend::reference, DType::f32, reference::cross_entropy_f32},
     {Backend::reference, DType::f64, reference::cross_entropy_f64},
     {Backend::cpu, DType::f32, cpu::cross_entropy_f32},
     {Backend::cpu, DType::f64, cpu::cross_entropy_f64}});

constinit const Family<CrossEntropyGradArgs> cross_entropy_grad(
    "cross_entropy_grad", units<CrossEntropyGradArgs>, unit_cost<CrossEntropyGradArgs>, nullptr,
    {{Backend::reference, DType::f32, reference::cross_entropy_grad_f32},
     {Backend::reference, DType::f64, reference::cross_entropy_grad_f64},
     {Backend::cpu, DType::f32, cpu::cross_entropy_grad_f32},
     {Backend::cpu, DType::f64, cpu::cross_entropy_grad_f64}});

}  // namespace ingrad::kernels
