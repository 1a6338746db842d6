// SPDX-License-Identifier: Apache-2.0
// Matrix products. dtypes f32, f64, i64; bf16 and f16 are multiplied in f32 and rounded once.
#pragma once

#include <span>
#include <string_view>

#include "engine/tensor.h"

namespace ingrad {

// a [..., m, k] times b [..., k, n] gives [..., m, n]; leading axes broadcast. Rank-1 operands are
// a row on the left and a column on the right, and their axis is dropped from the result, as in
// NumPy. Transposed views cost nothing.
Tensor matmul(const Tensor& a, const Tensor& b, Location where = Location::current());

// x [..., in] times weight [out, in] transposed, plus bias [out] (may be undefined): [..., out].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              Location where = Location::current());

// Einstein summation over any number of operands: "bij,bjk->bik", "ii->i", "...i,ij", "ij->". Without
// "->" the output has the letters that occur once, in alphabetical order. Letters a-z, A-Z.
Tensor einsum(std::string_view equation, std::span<const Tensor> operands,
              Location where = Location::current());
Tensor einsum(std::string_view equation, std::initializer_list<Tensor> operands,
              Location where = Location::current());

}  // namespace ingrad
