// SPDX-License-Identifier: Apache-2.0
// Zeros are followed from where they are filled in onwards, needs from the outputs backwards.
#include "engine/plan/regions.h"

#include <algorithm>

namespace ingrad {
namespace {

const std::string& name(const ProgramCall& c) { return c.op->name; }

bool ends_with(const std::string& s, std::string_view tail) {
  return s.size() >= tail.size() && s.compare(s.size() - tail.size(), tail.size(), tail) == 0;
}

// Normalisation of trailing axes, or its gradient.
bool normalises_rows(const ProgramCall& c) {
  return c.attrs.has("rank") && (name(c) == "layer_norm" || name(c) == "layer_norm_grad" ||
                                 name(c) == "rms_norm" || name(c) == "rms_norm_grad");
}

bool multiplies_by_matrix(const Program& p, const ProgramCall& c) {
  return name(c) == "linear" || (name(c) == "matmul" && p.spec(c.inputs[1]).shape.rank() == 2 &&
                                 p.spec(c.inputs[0]).shape.rank() >= 2);
}

// Of an elementwise op, an input that broadcasts to the output.
Region broadcast(const Shape& input, const Shape& output, const Region& r) {
  const int axis = r.axis - (output.rank() - input.rank());
  if (axis < 0 || input[axis] == 1) return {};
  return {axis, r.begin, r.end};
}

// Which inputs of a call that are zero outside a region make its output so: those whose bits are
// set, one of them or all of `together`.
struct ZeroRule {
  unsigned any = 0, together = 0;
};
ZeroRule zero_rule(const Program& p, const ProgramCall& c) {
  const std::string& n = name(c);
  if (n == "add" || n == "sub") return {0, 3};
  if (n == "mul") return {3, 0};
  if (n == "div" || n == "neg" || n == "reshape") return {1, 0};
  if (n == "relu_grad") return {2, 0};
  if (c.op->cls == OpClass::elementwise && n.find(".d") != std::string::npos) {
    return {1, 0};  // a derivative, whose first input is the cotangent
  }
  if (normalises_rows(c) && ends_with(n, "_grad")) return {1, 0};
  if (multiplies_by_matrix(p, c) && c.inputs.size() == 2) return {1, 0};
  return {};
}

// Where the output of a call may differ from zero, from where its inputs may.
Region nonzero(const Program& p, const ProgramCall& c, const std::vector<Region>& of) {
  if (c.outputs.size() != 1) return {};
  if (name(c) == "embed") return filled_by(p, c).value_or(Region{});
  const ZeroRule rule = zero_rule(p, c);
  const auto at = [&](std::size_t i) { return of[static_cast<std::size_t>(c.inputs[i])]; };
  Region r;
  for (std::size_t i = 0; i < c.inputs.size() && r.whole(); ++i) {
    if (((rule.any | rule.together) >> i & 1U) != 0) r = at(i);
  }
  if (r.whole()) return {};
  const auto reads = read_for(p, c, r);
  if (!reads) return {};
  // The regions of input and output are the same positions of the same axis.
  bool one = false, all = true;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const bool zero = at(i) == r && (*reads)[i] == r;
    if ((rule.any >> i & 1U) != 0) one = one || zero;
    if ((rule.together >> i & 1U) != 0) all = all && zero;
  }
  return (rule.any != 0 ? one : all) ? r : Region{};
}

}  // namespace

std::optional<Region> taken_by(const Program& p, const ProgramCall& slice) {
  if (name(slice) != "slice") return {};
  const Shape& s = p.spec(slice.inputs[0]).shape;
  const auto &starts = slice.attrs.ints("starts"), &stops = slice.attrs.ints("stops");
  std::optional<Region> found;
  for (int i = 0; i < s.rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (slice.attrs.ints("steps")[at] != 1) return {};
    if (starts[at] == 0 && stops[at] == s[i]) continue;
    if (found || i == 0 || stops[at] <= starts[at]) return {};
    found = Region{i, starts[at], stops[at]};
  }
  return found;
}

std::optional<Region> filled_by(const Program& p, const ProgramCall& embed) {
  if (name(embed) != "embed" || embed.attrs.number("value") != 0) return {};
  const Shape& s = p.spec(embed.inputs[0]).shape;
  const auto &before = embed.attrs.ints("before"), &after = embed.attrs.ints("after");
  std::optional<Region> found;
  for (int i = 0; i < s.rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (embed.attrs.ints("interior")[at] != 0 || before[at] < 0 || after[at] < 0) return {};
    if (before[at] == 0 && after[at] == 0) continue;
    if (found || i == 0 || s[i] == 0) return {};
    found = Region{i, before[at], before[at] + s[i]};
  }
  return found;
}

bool attends_alone(const ProgramCall& attention, const Region& queries) {
  const std::size_t operands =
      attention.inputs.size() - (name(attention) == "attention_grad" ? 1 : 0);
  const bool masked = operands == 2 || operands == 4;
  return !masked && queries.axis == 1 && (queries.extent() == 1 || !attention.attrs.flag("causal"));
}

std::optional<std::vector<Region>> read_for(const Program& p, const ProgramCall& call,
                                            const Region& out) {
  if (call.outputs.size() != 1) return {};
  const Shape& shape = p.spec(call.outputs[0]).shape;
  std::vector<Region> in(call.inputs.size());
  if (call.op->cls == OpClass::elementwise) {
    for (std::size_t i = 0; i < in.size(); ++i) {
      in[i] = broadcast(p.spec(call.inputs[i]).shape, shape, out);
    }
    return in;
  }
  if (multiplies_by_matrix(p, call) && out.axis < shape.rank() - 1) {
    in[0] = out;
    return in;
  }
  if (normalises_rows(call) && out.axis < shape.rank() - call.attrs.integer("rank")) {
    in[0] = out;
    if (ends_with(name(call), "_grad")) in[1] = out;
    return in;
  }
  if (name(call) == "reshape") {
    const Shape& from = p.spec(call.inputs[0]).shape;
    bool kept = from.rank() > out.axis;
    for (int i = 0; kept && i <= out.axis; ++i) kept = from[i] == shape[i];
    if (!kept) return {};
    in[0] = out;
    return in;
  }
  return {};
}

Regions::Regions(const Program& program) : regions_(program.specs.size()) {
  const auto as = [](int v) { return static_cast<std::size_t>(v); };
  std::vector<Region>& zero = regions_;
  for (const ProgramCall& c : program.calls) {
    const Region r = nonzero(program, c, zero);
    if (!r.whole()) zero[as(c.outputs[0])] = r;
  }
  // Of what is read: nothing yet, a part, or more than one part and so all.
  std::vector<std::optional<Region>> read(program.specs.size());
  const auto note = [&](int v, const Region& r) {
    std::optional<Region>& so_far = read[as(v)];
    so_far = so_far && *so_far != r ? Region{} : r;
  };
  for (const int v : program.outputs) note(v, {});
  for (std::size_t i = program.calls.size(); i-- > 0;) {
    const ProgramCall& c = program.calls[i];
    const bool live = std::any_of(c.outputs.begin(), c.outputs.end(),
                                  [&](int v) { return read[as(v)].has_value(); });
    if (!live) continue;
    Region r = regions_[as(c.outputs[0])];
    const bool part_is_zero = !r.whole();
    if (!part_is_zero && c.outputs.size() == 1) r = read[as(c.outputs[0])].value_or(Region{});
    std::optional<std::vector<Region>> inputs;
    if (!r.whole()) inputs = read_for(program, c, r);
    const bool attends = !r.whole() && name(c) == "attention" && attends_alone(c, r);
    if (!part_is_zero && !inputs && !attends) r = {};
    regions_[as(c.outputs[0])] = r;
    const std::optional<Region> slice = taken_by(program, c);
    for (std::size_t k = 0; k < c.inputs.size(); ++k) {
      const Region all_of_it;
      note(c.inputs[k], inputs ? (*inputs)[k] : slice ? *slice : all_of_it);
    }
  }
}

}  // namespace ingrad
