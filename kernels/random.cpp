// SPDX-License-Identifier: Apache-2.0
#include "kernels/random.h"

#include "kernels/cpu/random.h"
#include "kernels/reference/random.h"

namespace ingrad::kernels {
namespace {

std::int64_t runs(std::int64_t count) { return (count + kRandomRun - 1) / kRandomRun; }
std::int64_t run_length(std::int64_t count) { return count < kRandomRun ? count : kRandomRun; }

template <class Args>
std::int64_t units(const Args& a) {
  return a.rows * runs(a.count);
}
// In element operations: a Philox block is some 50 of them for four draws.
template <class Args, int kPerElement>
std::int64_t unit_cost(const Args& a) {
  return 16 + run_length(a.count) * kPerElement;
}
std::int64_t rows(const RandomIntegerArgs& a) { return a.count == 0 ? 0 : a.rows; }
std::int64_t shuffle_cost(const RandomIntegerArgs& a) { return 60 * a.count; }

}  // namespace

constinit const Family<RandomArgs> random_uniform(
    "random_uniform", units<RandomArgs>, unit_cost<RandomArgs, 6>, nullptr,
    {{Backend::reference, DType::f32, reference::random_uniform<float>},
     {Backend::reference, DType::f64, reference::random_uniform<double>},
     {Backend::cpu, DType::f32, cpu::random_uniform_f32},
     {Backend::cpu, DType::f64, cpu::random_uniform_f64}});

constinit const Family<RandomArgs> random_normal(
    "random_normal", units<RandomArgs>, unit_cost<RandomArgs, 24>, nullptr,
    {{Backend::reference, DType::f32, reference::random_normal<float>},
     {Backend::reference, DType::f64, reference::random_normal<double>},
     {Backend::cpu, DType::f32, cpu::random_normal_f32},
     {Backend::cpu, DType::f64, cpu::random_normal_f64}});

constinit const Family<RandomArgs> random_bernoulli(
    "random_bernoulli", units<RandomArgs>, unit_cost<RandomArgs, 6>, nullptr,
    {{Backend::reference, DType::f32, reference::random_bernoulli<float>},
     {Backend::reference, DType::f64, reference::random_bernoulli<double>},
     {Backend::reference, DType::i32, reference::random_bernoulli<std::int32_t>},
     {Backend::reference, DType::i64, reference::random_bernoulli<std::int64_t>},
     {Backend::reference, DType::u8, reference::random_bernoulli<std::uint8_t>},
     {Backend::reference, DType::boolean, reference::random_bernoulli<bool>},
     {Backend::cpu, DType::f32, cpu::random_bernoulli_f32},
     {Backend::cpu, DType::f64, cpu::random_bernoulli_f64},
     {Backend::cpu, DType::i32, cpu::random_bernoulli_i32},
     {Backend::cpu, DType::i64, cpu::random_bernoulli_i64},
     {Backend::cpu, DType::u8, cpu::random_bernoulli_u8},
     {Backend::cpu, DType::boolean, cpu::random_bernoulli_u8}});

// Exact integers by plain loops on either back end.
constinit const Family<RandomIntegerArgs> random_integers(
    "random_integers", units<RandomIntegerArgs>, unit_cost<RandomIntegerArgs, 60>, nullptr,
    {{Backend::reference, DType::i32, reference::random_integers<std::int32_t>},
     {Backend::reference, DType::i64, reference::random_integers<std::int64_t>},
     {Backend::cpu, DType::i32, reference::random_integers<std::int32_t>},
     {Backend::cpu, DType::i64, reference::random_integers<std::int64_t>}});

constinit const Family<RandomIntegerArgs> random_permutation(
    "random_permutation", rows, shuffle_cost, nullptr,
    {{Backend::reference, DType::i64, reference::random_permutation},
     {Backend::cpu, DType::i64, reference::random_permutation}});

constinit const Family<DropoutArgs> dropout(
    "dropout", units<DropoutArgs>, unit_cost<DropoutArgs, 7>, nullptr,
    {{Backend::reference, DType::f32, reference::dropout<float>},
     {Backend::reference, DType::f64, reference::dropout<double>},
     {Backend::cpu, DType::f32, cpu::dropout_f32},
     {Backend::cpu, DType::f64, cpu::dropout_f64}});

}  // namespace ingrad::kernels
