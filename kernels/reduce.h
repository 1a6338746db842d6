// SPDX-License-Identifier: Apache-2.0
// Reductions of strided arrays: sums and what is a sum of mapped elements, products, extrema,
// positions of extrema, any, all.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// x runs over the reduced elements; z over the same positions of `other`; c is shift[output].
enum class ReduceKind : std::uint8_t {
  sum,               // sum x
  sum_absolute,      // sum |x|
  sum_square,        // sum (x - c)^2
  sum_exp,           // sum exp(x - c); c is the maximum of x, or 0 where that is infinite
  sum_product,       // sum (x - c) z
  count_nonzero,     // number of x != 0 (NaN counts)
  product,           // prod x
  maximum,           // NaN if any x is NaN
  minimum,           // likewise
  maximum_absolute,  // max |x|, likewise
  arg_maximum,       // i64: linear index among the reduced elements; the first wins, NaN beats all
  arg_minimum,       // likewise
  any,               // boolean: some x != 0
  all,               // boolean: every x != 0
};

// Axes of a strided view, outermost first; strides in elements, 0 and negative allowed.
struct ReduceAxes {
  int rank = 0;
  std::array<std::int64_t, kMaxRank> size{};
  std::array<std::int64_t, kMaxRank> stride{};
};

// out[o] = (reduction over all reduced positions) / divisor; out is contiguous in the order of the
// kept axes. The divisor serves means and applies to the float kinds that are sums.
//
// Float results are combined along one fixed tree that depends on the reduced extent alone: 32
// interleaved partial results within each chunk of 1024 elements, halved pairwise; chunks joined
// by the binary tree whose left part is the largest power of two. So an output has the same bits
// for any strides, any number and position of outputs, any split into segments, any instruction
// set (sum_exp: of equal exp). Relative error of a sum of like-signed terms: at most about
// (37 + log2(n / 1024)) / 2 ULP, typically below one.
//
// Nothing reduced: sums and counts 0, product 1, any false, all true; extrema need an element.
struct ReduceArgs {
  ReduceKind kind = ReduceKind::sum;
  const void* in = nullptr;
  const void* other = nullptr;  // sum_product only, with the strides of `in`
  const void* shift = nullptr;  // [outputs], or null for 0
  void* out = nullptr;
  ReduceAxes kept;
  ReduceAxes reduced;
  double divisor = 1;
  // More than 1: unit (s, o) writes the reduction of elements [s, s + 1) * kReduceSegment of output
  // o to out[s * outputs + o], without divisor; `reduce_combine` finishes.
  std::int64_t segments = 1;

  template <class F>
  void for_each_operand(F&& f) {
    f(in);
    f(other);
    f(shift);
    f(out);
  }
};
inline constexpr std::int64_t kReduceSegment = 65536;

std::int64_t outputs_of(const ReduceArgs& a);  // product of the kept sizes
std::int64_t extent_of(const ReduceArgs& a);   // product of the reduced sizes

// Drops axes of size 1 and merges neighbours that one stride describes. Optional; makes the
// contiguous cases recognisable to the kernel.
void simplify(ReduceArgs& a);

// How many segments let few long outputs of this dtype occupy many threads; 1 where outputs are
// many, elements few, or the kind is not split (integers, positions, any, all).
std::int64_t segments_for(const ReduceArgs& a, DType t);

// Joins the partial results of a segmented reduction: partial is [segments][outputs].
struct ReduceCombineArgs {
  ReduceKind kind = ReduceKind::sum;
  const void* partial = nullptr;
  void* out = nullptr;  // [outputs]
  std::int64_t outputs = 0, segments = 0;
  double divisor = 1;

  template <class F>
  void for_each_operand(F&& f) {
    f(partial);
    f(out);
  }
};

// dtypes: f32, f64 for every kind (output of the same dtype but where said above, and i64 for
// count_nonzero); i32, i64, u8, boolean for sum, product (i64 outputs, wrapping), count_nonzero,
// maximum, minimum (same dtype), positions, any, all. Units: segment-major, then outputs.
extern const Family<ReduceArgs> reduce;
// dtypes f32, f64.
extern const Family<ReduceCombineArgs> reduce_combine;

}  // namespace ingrad::kernels
