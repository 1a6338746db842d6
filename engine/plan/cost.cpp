// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/cost.h"

#include <algorithm>
#include <cmath>
#include <map>
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

// The op of a call, or what a form that only plans have is a form of.
std::string op_name(const ProgramCall& call) {
  std::string name = call.op->name;
  if (name.back() == '+') name.pop_back();
  if (name == "lanes_conv") name = call.attrs.flag("mirrored") ? "conv_data_grad" : "conv";
  return name;
}

bool is_matrix_product(const std::string& op) { return op == "matmul" || op == "linear"; }

double multiply_adds(const Program& program, const ProgramCall& call) {
  const auto input = [&](std::size_t i) -> const Shape& {
    return program.spec(call.inputs[i]).shape;
  };
  const Shape& output = program.spec(call.outputs[0]).shape;
  const auto size = [](const Shape& s) { return static_cast<double>(s.size()); };
  const std::string name = op_name(call);
  if (name == "conv") return size(output) * elements_from(input(1), 1);
  if (name == "conv_data_grad") return size(input(0)) * elements_from(input(1), 1);
  if (name == "conv_weight_grad") return size(input(1)) * elements_from(output, 1);
  if (is_matrix_product(name)) {
    return size(output) * static_cast<double>(input(0)[input(0).rank() - 1]);
  }
  if (name == "attention") return attention_multiply_adds(program, call.inputs, call.attrs);
  if (name == "attention_grad") {
    // Two for each of the forward pass, which it computes again, but that does not count.
    return 2 * attention_multiply_adds(program, std::span(call.inputs).subspan(1), call.attrs);
  }
  if (name == "winograd") {
    const double tiles = std::ceil(static_cast<double>(output[2]) / 4) *
                         std::ceil(static_cast<double>(output[3]) / 4);
    return 36 * tiles * static_cast<double>(output[0]) *
           static_cast<double>(input(1)[0] * input(1)[1]);
  }
  return 0;
}

}  // namespace

double product_flops(const Program& program) {
  double sum = 0;
  for (const ProgramCall& call : program.calls) sum += multiply_adds(program, call);
  return 2 * sum;
}

std::int64_t product_constant_bytes(const Program& program) {
  std::int64_t bytes = 0;
  for (const ProgramCall& call : program.calls) {
    if (!is_matrix_product(op_name(call)) || !program.is_constant(call.inputs[1])) continue;
    bytes += program.spec(call.inputs[1]).bytes();
  }
  return bytes;
}

std::int64_t product_rows(const Program& one_row) {
  std::map<std::int64_t, double> work;  // by rows
  double sum = 0;
  for (const ProgramCall& call : one_row.calls) {
    const std::string name = op_name(call);
    if (name == "attention" || name == "attention_grad") continue;  // in blocks of their own
    const double done = multiply_adds(one_row, call);
    const Shape& out = one_row.spec(call.outputs[0]).shape;
    const bool matrix = is_matrix_product(name) && out.size() > 0;
    work[matrix ? out.size() / out[out.rank() - 1] : 1] += done;
    sum += done;
  }
  double above = 0;
  for (auto at = work.rbegin(); at != work.rend(); ++at) {
    above += at->second;
    if (above >= sum / 2) return at->first;
  }
  return 1;
}

}  // namespace ingrad
