// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/cost.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

namespace ingrad {
namespace {

double elements_from(const Shape& s, int axis) {
  double n = 1;
  for (int i = axis; i < s.rank(); ++i) n *= static_cast<double>(s[i]);
  return n;
}

// Of attention on (q, k, v) or (qkv), with a mask behind them or without: pairs of a query and a
// key that it may see, times the widths of both products.
double attention_multiply_adds(const Program& program, std::span<const int> operands,
                               const Attrs& attrs) {
  const Shape& q = program.spec(operands[0]).shape;
  const bool packed = operands.size() < 3;
  const Shape& k = packed ? q : program.spec(operands[1]).shape;
  const Shape& v = packed ? q : program.spec(operands[2]).shape;
  const std::int64_t heads = packed ? q[2] - 2 * attrs.integer("kv_heads") : q[2];
  double pairs = 0;
  for (std::int64_t i = 0; i < q[1]; ++i) {
    pairs += static_cast<double>(attrs.flag("causal") ? std::min(i + 1, k[1]) : k[1]);
  }
  return static_cast<double>(q[0] * heads) * pairs * static_cast<double>(q[3] + v[3]);
}

}  // namespace

double product_flops(const Program& program) {
  double multiply_adds = 0;
  for (const ProgramCall& call : program.calls) {
    const auto input = [&](std::size_t i) -> const Shape& {
      return program.spec(call.inputs[i]).shape;
    };
    const Shape& output = program.spec(call.outputs[0]).shape;
    std::string name = call.op->name;
    if (name.back() == '+') name.pop_back();  // a fused form
    if (name == "lanes_conv") name = call.attrs.flag("mirrored") ? "conv_data_grad" : "conv";
    if (name == "conv") {
      multiply_adds += static_cast<double>(output.size()) * elements_from(input(1), 1);
    } else if (name == "conv_data_grad") {
      multiply_adds += static_cast<double>(input(0).size()) * elements_from(input(1), 1);
    } else if (name == "conv_weight_grad") {
      multiply_adds += static_cast<double>(input(1).size()) * elements_from(output, 1);
    } else if (name == "matmul" || name == "linear") {
      multiply_adds +=
          static_cast<double>(output.size()) * static_cast<double>(input(0)[input(0).rank() - 1]);
    } else if (name == "attention") {
      multiply_adds += attention_multiply_adds(program, call.inputs, call.attrs);
    } else if (name == "attention_grad") {
      // Two for each of the forward pass, which it computes again, but that does not count.
      multiply_adds +=
          2 * attention_multiply_adds(program, std::span(call.inputs).subspan(1), call.attrs);
    } else if (name == "winograd") {
      const double tiles = std::ceil(static_cast<double>(output[2]) / 4) *
                           std::ceil(static_cast<double>(output[3]) / 4);
      multiply_adds += 36 * tiles * static_cast<double>(output[0]) *
                       static_cast<double>(input(1)[0] * input(1)[1]);
    }
  }
  return 2 * multiply_adds;
}

}  // namespace ingrad
