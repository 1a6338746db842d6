// SPDX-License-Identifier: Apache-2.0
// What the descriptions of reductions share: their attributes (axes, keepdim), shapes, and the call
// of the kernel.
#pragma once

#include <array>
#include <string_view>

#include "engine/int_list.h"
#include "engine/op.h"
#include "kernels/reduce.h"

namespace ingrad {

// Which axes of a shape are reduced.
struct Reduction {
  std::array<bool, kMaxRank> reduced{};
  bool keepdim = false;

  // From the attributes "axes" (empty: all) and "keepdim".
  static Reduction of(std::string_view op, const Attrs& attrs, const Shape& shape,
                      Location where = Location::current());
  Shape output(const Shape& shape) const;      // as keepdim says
  Shape with_ones(const Shape& shape) const;   // reduced axes as extents of 1
  std::int64_t extent(const Shape& shape) const;  // elements per output
  std::vector<std::int64_t> axes(int rank) const;
};

// Attributes with the axes normalised, sorted and complete.
Attrs reduction_attrs(std::string_view op, const Tensor& x, IntList axes, bool keepdim,
                      Location where);

// A value with an element per output, repeated over the reduced axes of `shape`.
Tensor spread(const Tensor& per_output, const Reduction& r, const Shape& shape);
// The same without the repetition: ready to broadcast.
Tensor with_reduced_axes(const Tensor& per_output, const Reduction& r, const Shape& shape);

// Rows stay apart unless axis 0 is reduced.
BatchBehaviour reduction_batch(const Attrs& attrs, std::span<const TensorSpec> in);

// Error unless the dtype is a floating one.
void require_floating(std::string_view op, const TensorSpec& x, Location where);
// Error unless both have one shape and one floating dtype.
void require_same(std::string_view op, const TensorSpec& a, const TensorSpec& b, Location where);
// Error when an output has no element to choose from.
void require_elements(std::string_view op, const TensorSpec& x, const Reduction& r,
                      Location where);

// x in a dtype that the kernels take (halves as f32), any strides.
Tensor kernel_operand(const Tensor& x);
// A result of those kernels in the dtype that the op promised.
Tensor rounded_to(DType dtype, const Tensor& x);

struct KernelOperands {
  Tensor other;        // of sum_product
  Tensor shift;        // dense, one element per output
  double divisor = 1;
};
// Runs the kernel over x (f32, f64 or integers, any strides) and gives a dense tensor of `shape`,
// which has one element per output.
Tensor reduce_elements(kernels::ReduceKind kind, const Tensor& x, const Reduction& r,
                       const Shape& shape, DType dtype, const EvalArgs& call,
                       const KernelOperands& operands = {});

}  // namespace ingrad
