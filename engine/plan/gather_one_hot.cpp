// SPDX-License-Identifier: Apache-2.0
// The gradient of one logit per row starts as a matrix of zeros with one 1 in each row; times the
// weights of the last layer it picks a row of them: zeros added to a number leave it
// as it is, but for the sign of a zero.
#include <algorithm>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

namespace ingrad {
namespace {

// scatter_sum(index [N, 1], ones [N, 1]; axis 1) -> [N, K].
bool is_one_hot(const Program& p, const ProgramCall& c) {
  if (c.op->name != "scatter_sum" || c.attrs.integer("axis") != 1) return false;
  const Tensor& ones = p.constant(c.inputs[1]);
  const Shape& s = p.spec(c.inputs[0]).shape;
  if (!ones.defined() || s.rank() != 2 || s[1] != 1 || ones.shape() != s) return false;
  const auto v = ones.to_vector<double>();
  return std::all_of(v.begin(), v.end(), [](double x) { return x == 1; });
}

}  // namespace

void gather_one_hot(Program& program, const PassContext&) {
  const ValueUses uses(program);
  Rewriter rewriter(program);
  for (const ProgramCall& call : program.calls) {
    const int producer = call.inputs.empty() ? -1 : uses.producer(call.inputs[0]);
    const ProgramCall* seed =
        producer < 0 ? nullptr : &program.calls[static_cast<std::size_t>(producer)];
    const bool picks = call.op->name == "matmul" && seed != nullptr && is_one_hot(program, *seed) &&
                       program.is_constant(call.inputs[1]) &&
                       program.spec(call.inputs[1]).shape.rank() == 2 &&
                       all(isfinite(program.constant(call.inputs[1]))).item() != 0;
    if (!picks) {
      rewriter.keep(call);
      continue;
    }
    static const OpDef& reshape = find_op("reshape");
    static const OpDef& index_select = find_op("index_select");
    const std::int64_t rows = program.spec(seed->inputs[0]).shape[0];
    const int index = rewriter.emit(reshape, {{"shape", Attr::Ints{rows}}},
                                    {rewriter.now(seed->inputs[0])}, call.where)[0];
    rewriter.keep_as(call, index_select, {{"axis", 0}, {"skip", -1}},
                     {rewriter.now(call.inputs[1]), index});
  }
  program = rewriter.finish();
}

}  // namespace ingrad
