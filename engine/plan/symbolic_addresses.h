// SPDX-License-Identifier: Apache-2.0
// Addresses that stand for memory to come. They lie where no memory can, beyond what processors
// address, so that they are told from pointers to constants and nobody can look there unnoticed.
#pragma once

#include <cstdint>

namespace ingrad {

inline constexpr std::uintptr_t kFirstPlaceholder = 0x7abc'0000'0000'0000;
inline constexpr std::uintptr_t kLastPlaceholder = 0x7abd'0000'0000'0000;

inline bool is_placeholder(std::uintptr_t word) {
  return word >= kFirstPlaceholder && word < kLastPlaceholder;
}
inline bool is_placeholder(const void* p) {
  return is_placeholder(reinterpret_cast<std::uintptr_t>(p));
}

}  // namespace ingrad
