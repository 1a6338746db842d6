// SPDX-License-Identifier: Apache-2.0
#include "attribution/affine_prefix.h"

#include <algorithm>
#include <memory>

#include "engine/differentiate.h"
#include "engine/graph.h"

namespace ingrad {
namespace {

// Affine in its first input while the others are constants.
bool affine_in_first(const std::string& op) {
  constexpr std::string_view kOps[] = {"linear",          "matmul", "conv", "reshape",
                                       "batch_norm_eval", "sub",    "div",  "neg"};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}
// ... or in either of its two.
bool affine_in_one(const std::string& op) { return op == "add" || op == "mul"; }

bool affine(const Program& p, const ProgramCall& c, int value) {
  if (c.outputs.size() != 1) return false;
  const std::string& op = c.op->name;
  if (!affine_in_first(op) && !affine_in_one(op)) return false;
  if (affine_in_first(op) && c.inputs[0] != value) return false;
  return std::all_of(c.inputs.begin(), c.inputs.end(),
                     [&](int v) { return v == value || p.is_constant(v); }) &&
         std::count(c.inputs.begin(), c.inputs.end(), value) == 1;
}

// The calls by which alone the input goes on, as far as they are affine; the last is a product.
// Empty: there are none.
std::vector<std::size_t> affine_calls(const Program& p) {
  std::vector<std::size_t> chain;
  std::size_t product = 0;
  int value = p.inputs[0];
  for (;;) {
    std::vector<std::size_t> readers;
    for (std::size_t i = 0; i < p.calls.size(); ++i) {
      const auto& in = p.calls[i].inputs;
      if (std::find(in.begin(), in.end(), value) != in.end()) readers.push_back(i);
    }
    const bool output = std::find(p.outputs.begin(), p.outputs.end(), value) != p.outputs.end();
    if (output || readers.size() != 1 || !affine(p, p.calls[readers[0]], value)) break;
    const ProgramCall& c = p.calls[readers[0]];
    chain.push_back(readers[0]);
    value = c.outputs[0];
    const std::string& op = c.op->name;
    if (op == "linear" || op == "matmul" || op == "conv") product = chain.size();
  }
  chain.resize(product);
  return chain;
}

Program traced(const ModelFn& model, const Shape& row_shape, std::int64_t rows) {
  const TensorSpec spec{row_shape.with_inserted(0, rows), DType::f32, {}};
  return trace([&](std::span<const Tensor> in) { return std::vector{model(in[0])}; }, {&spec, 1})
      ->program();
}

// Runs calls of a program, with `value` given.
Tensor run_calls(const Program& p, int value, const Tensor& given, int wanted,
                 const std::vector<char>& which) {
  std::vector<Tensor> values = p.constants;
  values[static_cast<std::size_t>(value)] = given;
  for (std::size_t i = 0; i < p.calls.size(); ++i) {
    if (!which[i]) continue;
    const ProgramCall& call = p.calls[i];
    std::vector<Tensor> in;
    for (const int v : call.inputs) in.push_back(values[static_cast<std::size_t>(v)]);
    const std::vector<Tensor> out = apply(*call.op, call.attrs, in, call.where);
    for (std::size_t o = 0; o < out.size(); ++o) {
      values[static_cast<std::size_t>(call.outputs[o])] = out[o];
    }
  }
  return values[static_cast<std::size_t>(wanted)];
}

struct Split {
  Program program;
  std::vector<char> before, after;  // per call
  int cut;                          // the value between them
};

Split split(const ModelFn& model, const Shape& row_shape, std::int64_t rows) {
  Split s{traced(model, row_shape, rows), {}, {}, -1};
  const std::vector<std::size_t> chain = affine_calls(s.program);
  s.before.assign(s.program.calls.size(), 0);
  s.after.assign(s.program.calls.size(), 1);
  for (const std::size_t i : chain) {
    s.before[i] = 1;
    s.after[i] = 0;
  }
  if (!chain.empty()) s.cut = s.program.calls[chain.back()].outputs[0];
  return s;
}

}  // namespace

std::optional<AffinePrefix> affine_prefix(const ModelFn& model, const Shape& row_shape) {
  Shape between;
  try {
    const Split s = split(model, row_shape, 2);
    if (s.cut < 0) return {};
    between = s.program.spec(s.cut).shape;
  } catch (const Error&) {
    return {};  // it looks at values, or at nothing that is an op
  }
  if (between.rank() < 1 || between[0] != 2 || between.size() / 2 > row_shape.size()) return {};
  AffinePrefix result;
  result.row_shape = between.without(0);
  result.prefix = [model, row_shape](const Tensor& x) {
    const Split s = split(model, row_shape, x.dim(0));
    return run_calls(s.program, s.program.inputs[0], x, s.cut, s.before);
  };
  result.rest = [model, row_shape](const Tensor& h) {
    const Split s = split(model, row_shape, h.dim(0));
    return run_calls(s.program, s.cut, h, s.program.outputs[0], s.after);
  };
  return result;
}

}  // namespace ingrad
