// SPDX-License-Identifier: Apache-2.0
// Stable sorting and the k first elements in sorted order.
#pragma once

#include "kernels/kernel.h"

namespace ingrad::kernels {

// Along the middle axis of x, [outer][extent][inner], contiguous: the first `count` <= extent
// elements in rising order (falling if `descending`) and where they stood. Equal elements keep
// their order, whichever way the sort goes; -0 equals 0; NaN counts as larger than any number, so
// it comes last, or first when descending (as in PyTorch). count < extent is top-k.
struct SortArgs {
  const void* x = nullptr;
  void* values = nullptr;           // [outer][count][inner]
  std::int64_t* indices = nullptr;  // likewise
  std::int64_t outer = 1, extent = 0, inner = 1, count = 0;
  bool descending = false;

  template <class F>
  void for_each_operand(F&& f) {
    f(x);
    f(values);
    f(indices);
  }
};

// Every dtype but mask; extent below 2^32 for dtypes of 4 bytes or fewer. One unit sorts one line.
extern const Family<SortArgs> sort;

}  // namespace ingrad::kernels
