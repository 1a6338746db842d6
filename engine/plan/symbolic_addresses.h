// SPDX-License-Identifier: Apache-2.0
// Addresses that stand for memory to come. They lie where no memory can, beyond what processors
// address, so that they are told from pointers to constants and nobody can look there unnoticed.
#pragma once

#include <cstdint>

namespace ingrad {

inline constexpr std::uintptr_t kFirstSymbolic = 0x7abc'0000'0000'0000;
inline constexpr std::uintptr_t kLastSymbolic = 0x7abd'0000'0000'0000;

inline bool is_symbolic(std::uintptr_t word) {
  return word >= kFirstSymbolic && word < kLastSymbolic;
}
inline bool is_symbolic(const void* p) { return is_symbolic(reinterpret_cast<std::uintptr_t>(p)); }

}  // namespace ingrad
