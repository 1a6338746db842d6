// SPDX-License-Identifier: Apache-2.0
// Batched matrix product with an epilogue.
#pragma once

#include "kernels/activation.h"
#include "kernels/kernel.h"

namespace ingrad::kernels {

// C[b](i, j) = activation(sum_p A[b](i, p) * B[b](p, j) + bias(j) + residual(i, j)), added onto C
// if `accumulate` (which excludes an activation), zero where the gate's bit for that element of C
// (kernels/sign_bits.h) is not set: the gradient of ReLU, and times the factor: that of a smooth
// activation, whose derivative the forward product wrote as its slope. A smooth activation excludes
// gate and factor. Strides are in elements; A(i, p) = a[i
// * a_row + p * a_col], and any strides are allowed (one of row and column equal to 1 is the fast
// case, so transposes are free). Columns of C are contiguous. k == 0 gives activation(bias). No
// operand overlaps C. The order of summation over p depends on k alone: C(i, j) has the same bits
// for any m, n and position, and for any split of the work. (On a device, where NVIDIA's library
// does the work, it may depend on all but m: rows have the same bits however many there are.)
struct GemmArgs {
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t a_row = 0, a_col = 1;
  std::int64_t b_row = 0, b_col = 1;
  std::int64_t c_row = 0;
  std::int64_t batch = 1;
  // Element offsets of each batch entry; null means all zero (C then needs batch == 1).
  const std::int64_t* a_offset = nullptr;
  const std::int64_t* b_offset = nullptr;
  const std::int64_t* c_offset = nullptr;
  const void* bias = nullptr;  // [n] or null
  Activation activation = Activation::none;
  bool accumulate = false;
  // Laid out as C, or null, as may be those that follow; floating dtypes only, as are smooth
  // activations.
  const void* residual = nullptr;
  const std::uint8_t* gate = nullptr;
  const void* factor = nullptr;
  void* slope = nullptr;  // the activation's derivative at its argument, for smooth ones
  // B as pack() has written it, or null; the cpu back end then does not read b. batch == 1.
  const void* panels = nullptr;

  template <class F>
  void for_each_operand(F&& f) {
    f(a);
    f(b);
    f(c);
    f(bias);
    f(residual);
    f(gate);
    f(factor);
    f(slope);
  }
  template <class F>
  void for_each_table(F&& f) {
    f(a_offset, batch);
    f(b_offset, batch);
    f(c_offset, batch);
  }
};

// dtypes f32, f64 (and i64 on the reference and cpu back ends).
extern const Family<GemmArgs> gemm;

// Bytes of B packed for the active instruction set, which must not change afterwards; 0 for dtypes
// that are not packed. B, n, k and the strides of B count, the rest may differ from call to call.
std::int64_t packed_bytes(const GemmArgs& a, DType t);
void pack(const GemmArgs& a, DType t, void* panels);

}  // namespace ingrad::kernels
