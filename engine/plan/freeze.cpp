// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

namespace ingrad {

void freeze(Program& program, const PassContext&) {
  Rewriter rewriter(program);
  for (const ProgramCall& call : program.calls) {
    const bool constant = std::all_of(call.inputs.begin(), call.inputs.end(), [&](int v) {
      return rewriter.constant_of(rewriter.now(v)).defined();
    });
    if (!constant) {
      rewriter.keep(call);
      continue;
    }
    std::vector<Tensor> inputs;
    for (const int v : call.inputs) inputs.push_back(rewriter.constant_of(rewriter.now(v)));
    const std::vector<Tensor> results = apply(*call.op, call.attrs, inputs, call.where);
    for (std::size_t i = 0; i < results.size(); ++i) {
      rewriter.replace(call.outputs[i], rewriter.constant(results[i]));
    }
  }
  program = rewriter.finish();
}

}  // namespace ingrad
