// SPDX-License-Identifier: Apache-2.0
// Pooling over 1 to 3 spatial axes of x [N, C, spatial...] (or without N): [N, C, spatial'...].
// Floating dtypes. Lists have one entry per spatial axis, or a single one that holds for all; an
// option left empty has its default. The number of windows follows PyTorch:
//   spatial' = (spatial + 2 padding - dilation (kernel - 1) - 1) / stride + 1,
// rounded down; or up with ceil_mode, except that a window beginning in the padding behind is none.
// Error when no window fits, when the padding is more than half a window, or when a window sees no
// element at all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/int_list.h"
#include "engine/ops/reduce.h"
#include "engine/tensor.h"

namespace ingrad {

struct MaxPoolOptions {
  std::vector<std::int64_t> stride = {};    // default: the kernel
  std::vector<std::int64_t> padding = {};   // of minus infinity on both sides, default 0
  std::vector<std::int64_t> dilation = {};  // default 1
  bool ceil_mode = false;
};

// The largest element of each window. The first one in row-major order wins, and gets the whole
// gradient; NaN counts as larger than any number.
Tensor max_pool1d(const Tensor& x, IntList kernel, const MaxPoolOptions& options = {},
                  Location where = Location::current());
Tensor max_pool2d(const Tensor& x, IntList kernel, const MaxPoolOptions& options = {},
                  Location where = Location::current());
Tensor max_pool3d(const Tensor& x, IntList kernel, const MaxPoolOptions& options = {},
                  Location where = Location::current());
// Also where it stands: indices are i64 and count the elements of the input's plane (all spatial
// axes) in row-major order.
ValuesAndIndices max_pool1d_with_indices(const Tensor& x, IntList kernel,
                                         const MaxPoolOptions& options = {},
                                         Location where = Location::current());
ValuesAndIndices max_pool2d_with_indices(const Tensor& x, IntList kernel,
                                         const MaxPoolOptions& options = {},
                                         Location where = Location::current());
ValuesAndIndices max_pool3d_with_indices(const Tensor& x, IntList kernel,
                                         const MaxPoolOptions& options = {},
                                         Location where = Location::current());

struct AvgPoolOptions {
  std::vector<std::int64_t> stride = {};   // default: the kernel
  std::vector<std::int64_t> padding = {};  // zeros on both sides, default 0
  bool ceil_mode = false;
  // Whether padding counts in the divisor (what ceil_mode adds beyond it never does).
  bool count_include_pad = true;
  // Instead of the number of elements; not zero.
  std::optional<std::int64_t> divisor_override = {};
};

// The mean of each window.
Tensor avg_pool1d(const Tensor& x, IntList kernel, const AvgPoolOptions& options = {},
                  Location where = Location::current());
Tensor avg_pool2d(const Tensor& x, IntList kernel, const AvgPoolOptions& options = {},
                  Location where = Location::current());
Tensor avg_pool3d(const Tensor& x, IntList kernel, const AvgPoolOptions& options = {},
                  Location where = Location::current());

// Pooling to given extents (-1 keeps one): output t of n covers the inputs from floor(t s / n) to
// ceil((t + 1) s / n), s being the input's extent.
Tensor adaptive_max_pool1d(const Tensor& x, IntList size, Location where = Location::current());
Tensor adaptive_max_pool2d(const Tensor& x, IntList size, Location where = Location::current());
Tensor adaptive_max_pool3d(const Tensor& x, IntList size, Location where = Location::current());
ValuesAndIndices adaptive_max_pool1d_with_indices(const Tensor& x, IntList size,
                                                  Location where = Location::current());
ValuesAndIndices adaptive_max_pool2d_with_indices(const Tensor& x, IntList size,
                                                  Location where = Location::current());
ValuesAndIndices adaptive_max_pool3d_with_indices(const Tensor& x, IntList size,
                                                  Location where = Location::current());
Tensor adaptive_avg_pool1d(const Tensor& x, IntList size, Location where = Location::current());
Tensor adaptive_avg_pool2d(const Tensor& x, IntList size, Location where = Location::current());
Tensor adaptive_avg_pool3d(const Tensor& x, IntList size, Location where = Location::current());

}  // namespace ingrad
