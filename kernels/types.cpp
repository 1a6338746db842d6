// SPDX-License-Identifier: Apache-2.0
#include "kernels/kernel.h"

namespace ingrad::kernels {

std::string_view name_of(DType t) {
  constexpr std::array<std::string_view, kDTypeCount> kNames = {"f32", "f64", "bf16", "f16", "i32",
                                                                "i64", "u8",  "bool", "mask"};
  return kNames[static_cast<std::size_t>(t)];
}

}  // namespace ingrad::kernels
