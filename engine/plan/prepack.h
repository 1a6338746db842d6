// SPDX-License-Identifier: Apache-2.0
// Prepacking: operands of matrix products that are constants of the plan are packed once, when the
// plan is built, instead of at every call.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/kernel_recorder.h"

namespace ingrad {

// Changes the copied arguments of `call` at `args` if they have a constant to pack, and adds what
// they then point to to `kept`. Gives the bytes of scratch that the kernel then needs.
std::int64_t prepack(const KernelCall& call, std::byte* args,
                     std::vector<std::shared_ptr<const void>>& kept);

}  // namespace ingrad
