// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <vector>

#include "hwy/highway.h"
#include "kernels/kernel.h"

namespace ingrad::kernels {
namespace {

struct Named {
  std::string_view name;
  std::int64_t bit;
};

// Weakest first. What the build leaves out is filtered by HWY_TARGETS.
constexpr Named kNamed[] = {
    {"emu128", HWY_EMU128}, {"neon", HWY_NEON},   {"sse4", HWY_SSE4},
    {"avx2", HWY_AVX2},     {"avx512", HWY_AVX3},
};

std::int64_t machine_targets() {
  static const std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  return targets;
}

void restrict_to(std::int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// Applies INGRAD_ISA before the first kernel runs; an unknown name is reported by `ingrad info`.
const bool kFromEnvironment = [] {
  (void)machine_targets();
  const char* name = std::getenv("INGRAD_ISA");
  return name != nullptr && force_isa(name);
}();

}  // namespace

std::span<const std::string_view> supported_isas() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> v;
    for (const Named& n : kNamed) {
      if (machine_targets() & n.bit) v.push_back(n.name);
    }
    return v;
  }();
  return names;
}

std::string_view active_isa() {
  const std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  std::string_view best = "scalar";
  for (const Named& n : kNamed) {
    if (targets & n.bit) best = n.name;
  }
  return best;
}

bool force_isa(std::string_view name) {
  if (name == "auto") {
    restrict_to(machine_targets());
    return true;
  }
  for (const Named& n : kNamed) {
    if (n.name == name && (machine_targets() & n.bit) != 0) {
      restrict_to(n.bit);
      return true;
    }
  }
  return false;
}

}  // namespace ingrad::kernels
