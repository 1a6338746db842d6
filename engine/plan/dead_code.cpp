// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/plan/passes.h"

namespace ingrad {

void remove_dead_code(Program& program, const PassContext&) {
  std::vector<char> alive(program.specs.size(), 0);
  for (const int v : program.outputs) alive[static_cast<std::size_t>(v)] = 1;
  std::vector<ProgramCall> kept;
  for (auto call = program.calls.rbegin(); call != program.calls.rend(); ++call) {
    const bool needed = std::any_of(call->outputs.begin(), call->outputs.end(),
                                    [&](int v) { return alive[static_cast<std::size_t>(v)] != 0; });
    if (!needed) continue;
    for (const int v : call->inputs) alive[static_cast<std::size_t>(v)] = 1;
    kept.push_back(std::move(*call));
  }
  std::reverse(kept.begin(), kept.end());
  program.calls = std::move(kept);
  for (std::size_t v = 0; v < alive.size(); ++v) {
    if (!alive[v]) program.constants[v] = {};
  }
}

}  // namespace ingrad
