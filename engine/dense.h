// SPDX-License-Identifier: Apache-2.0
// Element copies between tensors of any layout, and filling, for `eval` functions; nothing here is
// recorded for differentiation.
#pragma once

#include "engine/op.h"
#include "engine/tensor.h"

namespace ingrad {

// `t` itself when it is contiguous, a contiguous copy otherwise.
Tensor dense(const Tensor& t, Backend backend, Location where);
// to[i] = from[i]; equal shapes and dtypes, no overlap, no element of `to` shared by two indices.
void copy_elements(const Tensor& from, const Tensor& to, Backend backend, Location where);

// value in all elements of a dense tensor.
void fill_elements(const Tensor& to, double value);

}  // namespace ingrad
