// SPDX-License-Identifier: Apache-2.0
// Small vocabulary for op descriptions: batch behaviours, sample tensors.
#pragma once

#include <span>

#include "engine/op.h"

namespace ingrad {

BatchBehaviour rows_stay_apart(const Attrs&, std::span<const TensorSpec>);
BatchBehaviour rows_mix(const Attrs&, std::span<const TensorSpec>);
// Rows mix exactly when the attribute `axis` (normalised) is 0.
BatchBehaviour rows_mix_along_axis(const Attrs& attrs, std::span<const TensorSpec>);

// Element counts and strides around one axis of a contiguous tensor: [outer][extent][inner].
struct AxisView {
  std::int64_t outer = 1, extent = 1, inner = 1;
};
AxisView around(const Shape& shape, int axis);

// f64 values for samples: pairwise distinct, in [-2, 2], in an irregular order that depends on
// `seed`. Neighbouring values differ by at least 4 / size.
Tensor sample_values(const Shape& shape, std::uint64_t seed = 1);
// i64 values below `bound`, for index inputs.
Tensor sample_indices(const Shape& shape, std::int64_t bound, std::uint64_t seed = 1);

}  // namespace ingrad
