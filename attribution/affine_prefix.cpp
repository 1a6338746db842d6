// SPDX-License-Identifier: Apache-2.0
#include "attribution/affine_prefix.h"

#include <algorithm>
#include <memory>

#include "attribution/by_rows.h"
#include "engine/device.h"
#include "engine/graph.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

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
std::vector<int> affine_calls(const Program& p) {
  const ValueUses uses(p);
  std::vector<int> chain;
  std::size_t product = 0;
  int value = p.inputs[0];
  for (int reader; (reader = uses.only_reader(value)) >= 0;) {
    const ProgramCall& c = p.calls[static_cast<std::size_t>(reader)];
    if (!affine(p, c, value)) break;
    chain.push_back(reader);
    value = c.outputs[0];
    const std::string& op = c.op->name;
    if (op == "linear" || op == "matmul" || op == "conv") product = chain.size();
  }
  chain.resize(product);
  return chain;
}

// The model for so many rows in two parts; the first has no calls where nothing can be split off.
struct Split {
  Program prefix, rest;
};

Split split(const ModelFn& model, const Shape& row_shape, std::int64_t rows, Device device) {
  const DeviceScope there(device);
  const TensorSpec spec{row_shape.with_inserted(0, rows), DType::f32, device};
  const GraphFn f = [&](std::span<const Tensor> in) { return std::vector{model(in[0])}; };
  Program whole = trace(f, {&spec, 1})->program();
  drop_taps(whole, {});
  const std::vector<int> chain = affine_calls(whole);
  Split s{whole, whole};
  s.prefix.calls.clear();
  if (chain.empty()) return s;
  for (const int i : chain) s.prefix.calls.push_back(whole.calls[static_cast<std::size_t>(i)]);
  for (auto i = chain.rbegin(); i != chain.rend(); ++i)
    s.rest.calls.erase(s.rest.calls.begin() + *i);
  s.prefix.outputs = s.rest.inputs = {s.prefix.calls.back().outputs[0]};
  return s;
}

}  // namespace

std::optional<AffinePrefix> affine_prefix(const ModelFn& model, const Shape& row_shape,
                                          Device device) {
  Shape between;
  try {
    const Program prefix = split(model, row_shape, 2, device).prefix;
    if (prefix.calls.empty()) return {};
    between = prefix.spec(prefix.outputs[0]).shape;
  } catch (const Error&) {
    return {};  // it looks at values, or at nothing that is an op
  }
  if (between.rank() < 1 || between[0] != 2 || between.size() / 2 > row_shape.size()) return {};
  AffinePrefix result;
  result.row_shape = between.without(0);
  const auto splits = std::make_shared<ByRows<Split>>(
      [=](std::int64_t rows) { return split(model, row_shape, rows, device); });
  result.prefix = [splits](const Tensor& x) { return splits->at(x.dim(0)).prefix.run({&x, 1})[0]; };
  result.rest = [splits](const Tensor& h) { return splits->at(h.dim(0)).rest.run({&h, 1})[0]; };
  return result;
}

}  // namespace ingrad
