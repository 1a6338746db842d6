// SPDX-License-Identifier: Apache-2.0
// Reductions over axes. Everywhere: `axes` may be negative and in any order, a duplicate is an
// Error; an empty list means all axes. keepdim leaves the reduced axes with extent 1. Results are
// the same bits for any layout, batch size and thread count.
#pragma once

#include <optional>

#include "engine/int_list.h"
#include "engine/tensor.h"

namespace ingrad {

// ---- sums -------------------------------------------------------------------------------------
// Any dtype; integers and booleans add up to i64. The sum of nothing is 0.
Tensor sum(const Tensor& x, IntList axes = {}, bool keepdim = false,
           Location where = Location::current());
// Floating dtypes. The mean of nothing is NaN.
Tensor mean(const Tensor& x, IntList axes = {}, bool keepdim = false,
            Location where = Location::current());
// Mean squared deviation with divisor max(0, n - correction): 1 gives the unbiased variance (the
// default, as in PyTorch), 0 the variance of the sample. Two passes; floating dtypes.
Tensor var(const Tensor& x, IntList axes = {}, double correction = 1, bool keepdim = false,
           Location where = Location::current());
// sqrt(var(...)).
Tensor stddev(const Tensor& x, IntList axes = {}, double correction = 1, bool keepdim = false,
              Location where = Location::current());
// Number of nonzero elements (NaN counts), i64; any dtype.
Tensor count_nonzero(const Tensor& x, IntList axes = {}, bool keepdim = false,
                     Location where = Location::current());
// Any dtype; integers give i64. The product of nothing is 1. Derivatives are right where elements
// are zero.
Tensor prod(const Tensor& x, IntList axes = {}, bool keepdim = false,
            Location where = Location::current());
// log(sum(exp(x))), without overflow; -inf for only -inf. Floating dtypes.
Tensor logsumexp(const Tensor& x, IntList axes = {}, bool keepdim = false,
                 Location where = Location::current());
// (sum |x|^p)^(1/p); p = 0: number of nonzero elements; +-infinity: largest, smallest |x| (of at
// least one element). Floating dtypes. Where the norm is not differentiable (p < 2 at zeros of x,
// any p at the zero vector) that element's gradient is 0; equal extremes share theirs.
Tensor norm(const Tensor& x, double p = 2, IntList axes = {}, bool keepdim = false,
            Location where = Location::current());

// ---- extrema. Error where there is no element to choose from; NaN is larger and smaller than all.
// Equal extremes share the gradient evenly.
Tensor amax(const Tensor& x, IntList axes = {}, bool keepdim = false,
            Location where = Location::current());
Tensor amin(const Tensor& x, IntList axes = {}, bool keepdim = false,
            Location where = Location::current());
struct ValuesAndIndices {
  Tensor values;
  Tensor indices;  // i64
};
// Along one axis, with the position of the first extreme, which gets the whole gradient.
ValuesAndIndices max(const Tensor& x, std::int64_t axis, bool keepdim = false,
                     Location where = Location::current());
ValuesAndIndices min(const Tensor& x, std::int64_t axis, bool keepdim = false,
                     Location where = Location::current());
// Position (i64) of the first extreme along one axis; without an axis, in row-major order over all
// elements (keepdim then gives extents of 1).
Tensor argmax(const Tensor& x, std::optional<std::int64_t> axis = {}, bool keepdim = false,
              Location where = Location::current());
Tensor argmin(const Tensor& x, std::optional<std::int64_t> axis = {}, bool keepdim = false,
              Location where = Location::current());

// ---- truth: boolean; elements count as true when they are not zero (NaN is true). --------------
Tensor any(const Tensor& x, IntList axes = {}, bool keepdim = false,
           Location where = Location::current());
Tensor all(const Tensor& x, IntList axes = {}, bool keepdim = false,
           Location where = Location::current());

}  // namespace ingrad
