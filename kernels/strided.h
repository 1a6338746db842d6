// SPDX-License-Identifier: Apache-2.0
// Walking strided axes in row-major order; shared by the back ends of the reductions.
#pragma once

#include <cstring>

#include "kernels/reduce.h"

namespace ingrad::kernels {

// Position in a strided view: starts at linear index `index` and advances one element at a time.
class StridedCursor {
 public:
  StridedCursor(const ReduceAxes& axes, std::int64_t index) : axes_(axes) {
    for (int i = axes.rank - 1; i >= 0; --i) {
      at_[i] = index % axes.size[i];
      index /= axes.size[i];
      offset_ += at_[i] * axes.stride[i];
    }
  }
  std::int64_t offset() const { return offset_; }
  // Elements left on the innermost axis, this one included.
  std::int64_t run() const {
    const int last = axes_.rank - 1;
    return last < 0 ? 1 : axes_.size[last] - at_[last];
  }
  std::int64_t stride() const { return axes_.rank == 0 ? 1 : axes_.stride[axes_.rank - 1]; }
  // Steps forward by `count` <= run() elements.
  void advance(std::int64_t count) {
    for (int i = axes_.rank - 1; i >= 0; --i) {
      at_[i] += count;
      offset_ += count * axes_.stride[i];
      if (at_[i] < axes_.size[i]) return;
      at_[i] = 0;
      offset_ -= axes_.size[i] * axes_.stride[i];
      count = 1;
    }
  }

 private:
  const ReduceAxes& axes_;
  std::array<std::int64_t, kMaxRank> at_{};
  std::int64_t offset_ = 0;
};

// Copies elements [first, first + count) of a strided view to dst.
template <class T>
inline void gather_strided(const T* base, const ReduceAxes& axes, std::int64_t first,
                           std::int64_t count, T* dst) {
  StridedCursor at(axes, first);
  while (count > 0) {
    const std::int64_t run = at.run() < count ? at.run() : count;
    const T* src = base + at.offset();
    const std::int64_t stride = at.stride();
    if (stride == 1) {
      std::memcpy(dst, src, static_cast<std::size_t>(run) * sizeof(T));
    } else {
      for (std::int64_t i = 0; i < run; ++i) dst[i] = src[i * stride];
    }
    dst += run;
    count -= run;
    if (count > 0) at.advance(run);
  }
}

}  // namespace ingrad::kernels
