// SPDX-License-Identifier: Apache-2.0
// Reading, adding and filling at given positions. Index tensors are i64 or i32; an index that is
// negative or not below the extent it addresses is an Error that names the index, where it stands
// in the index tensor, and the extent. Sums over equal indices are made in a fixed order.
#pragma once

#include <optional>

#include "engine/tensor.h"

namespace ingrad {

// out[..., j, ...] = x[..., index[..., j, ...], ...] along `axis`. Same rank; the other extents of
// `index` are at most those of x; the result has the shape of `index`.
Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index,
              Location where = Location::current());
// NumPy's form: the other axes of x and index broadcast against each other.
Tensor take_along_axis(const Tensor& x, const Tensor& index, std::int64_t axis,
                       Location where = Location::current());
// x plus source[..., j, ...] added at index[..., j, ...] along `axis`. `index` is no larger than
// `source` on any axis, nor than x on the other axes; what lies beyond it is not read.
Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source,
                   Location where = Location::current());

// The slices of x at index [n] along `axis`.
Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index,
                    Location where = Location::current());
// x plus the slices of `source` added at index [n] along `axis`.
Tensor index_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source,
                 Location where = Location::current());

// The rows of weight [rows, ...] at `index` of any shape: [index..., ...]. Row `padding_idx`, if
// there is one, is read like any other but gets no gradient; negative values count from the end.
Tensor embedding(const Tensor& weight, const Tensor& index,
                 std::optional<std::int64_t> padding_idx = {},
                 Location where = Location::current());

// x where `mask` (boolean, broadcast against x) is false, `value` where it is true.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value,
                   Location where = Location::current());

// 1 at the index along a new last axis of extent num_classes, 0 elsewhere. num_classes -1 stands
// for the largest index plus one, which needs the values of `index`. dtype: any but half precision.
Tensor one_hot(const Tensor& index, std::int64_t num_classes = -1, DType dtype = DType::i64,
               Location where = Location::current());

// x below (above) and on the diagonal `diagonal` of the last two axes, 0 elsewhere; 0 is the main
// diagonal, positive ones lie above it.
Tensor tril(const Tensor& x, std::int64_t diagonal = 0, Location where = Location::current());
Tensor triu(const Tensor& x, std::int64_t diagonal = 0, Location where = Location::current());

}  // namespace ingrad
