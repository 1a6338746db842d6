// SPDX-License-Identifier: Apache-2.0
#include "kernels/sign_bits.h"

#include "kernels/cpu/sign_bits.h"
#include "kernels/reference/sign_bits.h"

namespace ingrad::kernels {
namespace {

std::int64_t units(const SignBitsArgs& a) { return (a.count + kSignBitsUnit - 1) / kSignBitsUnit; }
std::int64_t unit_cost(const SignBitsArgs& a) { return std::min(a.count, kSignBitsUnit) / 4; }

}  // namespace

constinit const Family<SignBitsArgs> sign_bits(
    "sign_bits", units, unit_cost, nullptr,
    {{Backend::reference, DType::f32, reference::sign_bits<float>},
     {Backend::reference, DType::f64, reference::sign_bits<double>},
     {Backend::cpu, DType::f32, cpu::sign_bits_f32},
     {Backend::cpu, DType::f64, cpu::sign_bits_f64}});

}  // namespace ingrad::kernels
