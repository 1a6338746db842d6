// SPDX-License-Identifier: Apache-2.0
// Which convolutions go by Winograd's method: those with enough channels for the transforms to be a
// small part, enough outputs for tiles to be mostly used, and transformed weights (4 times the
// size) that a cache still holds. The choice does not depend on the number of rows. Weights that
// are not constant are transformed in every run.
#include <algorithm>

#include "engine/plan/fused_ops.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

namespace ingrad {
namespace {

constexpr std::int64_t kLeastChannels = 16;
constexpr double kMostWeightBytes = 40e6;  // transformed
constexpr std::int64_t kLeastTiles = 32;   // in all, or vectors of them would be mostly empty
constexpr double kLeastUse = 0.7;          // outputs per place in a tile

bool all_equal(const Attrs& attrs, const char* name, std::int64_t least, std::int64_t most) {
  const Attr::Ints& v = attrs.ints(name);
  return std::all_of(v.begin(), v.end(), [&](auto x) { return x >= least && x <= most; });
}

bool pays(const Program& p, const ProgramCall& c, bool gradient, const PassContext& context) {
  const TensorSpec& out = p.spec(c.outputs[0]);
  const Shape &y = out.shape, &w = p.spec(c.inputs[1]).shape;
  if (out.dtype != DType::f32 || y.rank() != 4 || w[2] != 3 || w[3] != 3) return false;
  if (c.attrs.integer("groups") != 1) return false;
  if (!all_equal(c.attrs, "stride", 1, 1) || !all_equal(c.attrs, "dilation", 1, 1) ||
      !all_equal(c.attrs, "padding_low", 0, 2) || !all_equal(c.attrs, "padding_high", 0, 2)) {
    return false;
  }
  const std::int64_t m = gradient ? w[1] : w[0], k = gradient ? w[0] : w[1];
  if (std::min(m, k) < kLeastChannels) return false;
  if (4.0 * 36.0 * static_cast<double>(m * k) > kMostWeightBytes) return false;
  const auto used = [](std::int64_t n) {
    return static_cast<double>(n) / static_cast<double>((n + 3) / 4 * 4);
  };
  if (y[2] == 0 || y[3] == 0 || used(y[2]) * used(y[3]) < kLeastUse) return false;
  const std::int64_t images = y[0] / context.rows * context.max_rows;
  return images * ((y[2] + 3) / 4) * ((y[3] + 3) / 4) >= kLeastTiles;
}

}  // namespace

void use_winograd(Program& program, const PassContext& context) {
  if (context.device.kind != Device::Kind::cpu) return;  // a kernel for its vectors
  Rewriter rewriter(program);
  for (const ProgramCall& call : program.calls) {
    const std::string& op = call.op->name;
    const bool gradient = op == "conv_data_grad" || op == "conv_data_grad+";
    const bool plain = op == "conv" || op == "conv_data_grad";
    if ((!gradient && op != "conv" && op != "conv+") || !pays(program, call, gradient, context)) {
      rewriter.keep(call);
      continue;
    }
    std::vector<int> inputs;
    for (const int v : call.inputs) inputs.push_back(rewriter.now(v));
    Attrs attrs = plain ? fused_attrs(call.attrs, {}) : call.attrs;
    const bool constant = program.is_constant(call.inputs[1]);
    attrs.set("mirrored", gradient).set("transformed", !constant);
    if (!constant) {
      const Attrs side = {{"mirrored", gradient}};
      inputs.push_back(
          rewriter.emit(winograd_weights_form(), side, {inputs[1]}, call.where).front());
    }
    rewriter.keep_as(call, winograd_form(), std::move(attrs), std::move(inputs));
  }
  program = rewriter.finish();
}

}  // namespace ingrad
