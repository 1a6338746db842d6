// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

namespace ingrad {

void drop_taps(Program& program, const PassContext&) {
  const auto is_one_of = [](const std::vector<int>& values, int v) {
    return std::find(values.begin(), values.end(), v) != values.end();
  };
  Rewriter rewriter(program);
  for (const ProgramCall& call : program.calls) {
    // An input of the program that is an output as well has to be copied by something.
    const bool copies = is_one_of(program.outputs, call.outputs[0]) &&
                        is_one_of(program.inputs, rewriter.now(call.inputs[0]));
    if (call.op->name == "tap" && !copies) {
      rewriter.replace(call.outputs[0], rewriter.now(call.inputs[0]));
    } else {
      rewriter.keep(call);
    }
  }
  program = rewriter.finish();
}

}  // namespace ingrad
