// SPDX-License-Identifier: Apache-2.0
// Joining tensors.
#pragma once

#include <vector>

#include "engine/tensor.h"

namespace ingrad {

// The tensors one after another along `axis`: at least one, of one dtype, equal in all other
// extents. Every dtype but mask.
Tensor concat(std::span<const Tensor> parts, std::int64_t axis = 0,
              Location where = Location::current());
inline Tensor concat(std::initializer_list<Tensor> parts, std::int64_t axis = 0,
                     Location where = Location::current()) {
  return concat(std::span<const Tensor>(parts.begin(), parts.size()), axis, where);
}

// Tensors of one shape along a new axis, placed at `axis` of the result.
Tensor stack(std::span<const Tensor> parts, std::int64_t axis = 0,
             Location where = Location::current());
inline Tensor stack(std::initializer_list<Tensor> parts, std::int64_t axis = 0,
                    Location where = Location::current()) {
  return stack(std::span<const Tensor>(parts.begin(), parts.size()), axis, where);
}

}  // namespace ingrad
