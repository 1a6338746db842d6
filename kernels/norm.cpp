// SPDX-License-Identifier: Apache-2.0
#include "kernels/norm.h"

#include "kernels/cpu/norm.h"
#include "kernels/reference/norm.h"

namespace ingrad::kernels {
namespace {
std::int64_t rows(const RowNormArgs& a) { return a.rows; }
std::int64_t row_cost(const RowNormArgs& a) { return 4 * a.channels * a.spatial; }
std::int64_t grad_rows(const RowNormGradArgs& a) { return a.rows; }
std::int64_t grad_row_cost(const RowNormGradArgs& a) { return 6 * a.channels * a.spatial; }
std::int64_t planes(const ChannelAffineArgs& a) { return a.batch * a.channels; }
std::int64_t plane_cost(const ChannelAffineArgs& a) { return a.spatial; }
}  // namespace

constinit const Family<RowNormArgs> row_norm(
    "row_norm", rows, row_cost, nullptr,
    {{Backend::reference, DType::f32, reference::row_norm_f32},
     {Backend::reference, DType::f64, reference::row_norm_f64},
     {Backend::cpu, DType::f32, cpu::row_norm_f32},
     {Backend::cpu, DType::f64, cpu::row_norm_f64}});

constinit const Family<RowNormGradArgs> row_norm_grad(
    "row_norm_grad", grad_rows, grad_row_cost, nullptr,
    {{Backend::reference, DType::f32, reference::row_norm_grad_f32},
     {Backend::reference, DType::f64, reference::row_norm_grad_f64},
     {Backend::cpu, DType::f32, cpu::row_norm_grad_f32},
     {Backend::cpu, DType::f64, cpu::row_norm_grad_f64}});

constinit const Family<ChannelAffineArgs> channel_affine(
    "channel_affine", planes, plane_cost, nullptr,
    {{Backend::reference, DType::f32, reference::channel_affine_f32},
     {Backend::reference, DType::f64, reference::channel_affine_f64},
     {Backend::cpu, DType::f32, cpu::channel_affine_f32},
     {Backend::cpu, DType::f64, cpu::channel_affine_f64}});

}  // namespace ingrad::kernels
