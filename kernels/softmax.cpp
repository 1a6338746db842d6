// SPDX-License-Identifier: Apache-2.0
#include "kernels/softmax.h"

#include "kernels/cpu/softmax.h"
#include "kernels/reference/softmax.h"

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

constinit const Family<SoftmaxArgs> softmax(
    "softmax", units<SoftmaxArgs>, unit_cost<SoftmaxArgs>, nullptr,
    {{Backend::reference, DType::f32, reference::softmax_f32},
     {Backend::reference, DType::f64, reference::softmax_f64},
     {Backend::cpu, DType::f32, cpu::softmax_f32},
     {Backend::cpu, DType::f64, cpu::softmax_f64}});

constinit const Family<SoftmaxGradArgs> softmax_grad(
    "softmax_grad", units<SoftmaxGradArgs>, unit_cost<SoftmaxGradArgs>, nullptr,
    {{Backend::reference, DType::f32, reference::softmax_grad_f32},
     {Backend::reference, DType::f64, reference::softmax_grad_f64},
     {Backend::cpu, DType::f32, cpu::softmax_grad_f32},
     {Backend::cpu, DType::f64, cpu::softmax_grad_f64}});

}  // namespace ingrad::kernels
