// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/gemm.h"

#include "kernels/gemm_blocks.h"
#include "kernels/reference/activation.h"
#include "kernels/sign_bits.h"

namespace ingrad::kernels::reference {
namespace {

// Sum: double for floats; unsigned for integers, whose overflow wraps.
template <class T, class Sum>
void gemm(const GemmArgs& a, Range r) {
  const GemmBlocks blocks(a);
  const T* const bias = static_cast<const T*>(a.bias);
  const T* const residual = static_cast<const T*>(a.residual);
  for (std::int64_t u = r.begin; u < r.end;) {
    const GemmBlocks::Block block = blocks.first(u, r.end);
    u += block.units;
    const T* pa = static_cast<const T*>(a.a) + (a.a_offset ? a.a_offset[block.batch] : 0);
    const T* pb = static_cast<const T*>(a.b) + (a.b_offset ? a.b_offset[block.batch] : 0);
    T* pc = static_cast<T*>(a.c) + (a.c_offset ? a.c_offset[block.batch] : 0);
    for (std::int64_t i = block.row; i < block.row + block.rows; ++i) {
      for (std::int64_t j = block.column; j < block.column + block.columns; ++j) {
        T& c = pc[i * a.c_row + j];
        Sum sum = a.accumulate ? static_cast<Sum>(c) : Sum(0);
        for (std::int64_t p = 0; p < a.k; ++p) {
          sum += static_cast<Sum>(pa[i * a.a_row + p * a.a_col]) *
                 static_cast<Sum>(pb[p * a.b_row + j * a.b_col]);
        }
        if (bias) sum += static_cast<Sum>(bias[j]);
        if (residual) sum += static_cast<Sum>(residual[&c - static_cast<T*>(a.c)]);
        const std::int64_t at = &c - static_cast<T*>(a.c);
        if (is_smooth(a.activation)) {
          const Activated y = activated(a.activation, static_cast<double>(sum));
          sum = static_cast<Sum>(y.value);
          if (a.slope) static_cast<T*>(a.slope)[at] = static_cast<T>(y.slope);
        }
        c = static_cast<T>(sum);
        if (a.activation == Activation::relu && c < T(0)) c = T(0);
        if (a.gate && !sign_bit(a.gate, at)) c = T(0);
        if (a.factor) c *= static_cast<const T*>(a.factor)[at];
      }
    }
  }
}

}  // namespace

void gemm_f32(const GemmArgs& a, Range r) { gemm<float, double>(a, r); }
void gemm_f64(const GemmArgs& a, Range r) { gemm<double, double>(a, r); }
void gemm_i64(const GemmArgs& a, Range r) { gemm<std::int64_t, std::uint64_t>(a, r); }

}  // namespace ingrad::kernels::reference
