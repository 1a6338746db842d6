// SPDX-License-Identifier: Apache-2.0
// Sum, ReLU and gradient of ReLU after a product move into it, one after the other: the product is
// computed where the last of them was.
#include <map>

#include "engine/plan/fused_ops.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

namespace ingrad {
namespace {

bool floating(const TensorSpec& s) { return s.dtype == DType::f32 || s.dtype == DType::f64; }

// A product and the calls after it that it takes in.
struct Chain {
  const ProgramCall* product;
  Epilogue epilogue;
  int residual = -1, gate = -1;  // old values
  int last;                      // the call whose place it takes
};

class Fusion {
 public:
  explicit Fusion(const Program& program) : p_(program), uses_(program) {}

  Chain chain_from(int call) const {
    const ProgramCall& c = p_.calls[static_cast<std::size_t>(call)];
    Chain chain{&c, {}, -1, -1, call};
    int value = c.outputs[0];
    for (;;) {
      const int reader = uses_.only_reader(value);
      if (reader < 0 || !take(chain, value, p_.calls[static_cast<std::size_t>(reader)])) break;
      chain.last = reader;
      value = p_.calls[static_cast<std::size_t>(reader)].outputs[0];
    }
    return chain;
  }

  static bool is_product(const Program& p, const ProgramCall& c) {
    if (fused_form(*c.op) == nullptr || !floating(p.spec(c.outputs[0]))) return false;
    return c.op->name != "matmul" ||
           (p.spec(c.inputs[1]).shape.rank() == 2 && p.spec(c.inputs[0]).shape.rank() >= 2);
  }

 private:
  // Can `next`, which alone reads `value`, become part of the chain?
  bool take(Chain& chain, int value, const ProgramCall& next) const {
    const std::string& op = next.op->name;
    const auto same = [&](int v) { return p_.spec(v) == p_.spec(value); };
    Epilogue& e = chain.epilogue;
    if (op == "add" && !e.relu && !e.gate && !e.residual) {
      const int other = next.inputs[0] == value ? next.inputs[1] : next.inputs[0];
      if (other == value || !same(other) || !same(next.outputs[0])) return false;
      e.residual = true;
      chain.residual = other;
      return true;
    }
    if (op == "relu" && !e.relu && !e.gate) {
      e.relu = true;
      return true;
    }
    if (op == "relu_grad" && !e.gate && next.inputs[1] == value && next.inputs[0] != value &&
        same(next.inputs[0])) {
      e.gate = true;
      chain.gate = next.inputs[0];
      return true;
    }
    return false;
  }

  const Program& p_;
  ValueUses uses_;
};

}  // namespace

void fuse_epilogues(Program& program, const PassContext&) {
  const Fusion fusion(program);
  // Chains by the call whose place they take; calls that are part of one are gone.
  std::vector<Chain> chains;
  std::vector<int> ends(program.calls.size(), -1);
  std::vector<char> gone(program.calls.size(), 0);
  const ValueUses uses(program);
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    const ProgramCall& call = program.calls[i];
    if (gone[i] || !Fusion::is_product(program, call)) continue;
    const Chain chain = fusion.chain_from(static_cast<int>(i));
    if (chain.last == static_cast<int>(i)) continue;
    int value = call.outputs[0];
    // A sum of two products becomes part of the first; the second is its residual.
    if (ends[static_cast<std::size_t>(chain.last)] >= 0) continue;
    gone[i] = 1;
    for (int next = uses.only_reader(value);;
         next = uses.only_reader(program.calls[static_cast<std::size_t>(next)].outputs[0])) {
      gone[static_cast<std::size_t>(next)] = 1;
      if (next == chain.last) break;
    }
    ends[static_cast<std::size_t>(chain.last)] = static_cast<int>(chains.size());
    chains.push_back(chain);
  }
  // Gates are noted as bits as soon as they exist, so that nothing else keeps their memory.
  std::map<int, int> bits;
  for (const Chain& chain : chains) {
    if (chain.epilogue.gate) bits[chain.gate] = -1;
  }
  Rewriter rewriter(program);
  const auto note = [&](int value, Location where) {
    const auto found = bits.find(value);
    if (found == bits.end() || found->second >= 0) return;
    found->second = rewriter.emit(sign_bits_form(), {}, {rewriter.now(value)}, where).front();
  };
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    const ProgramCall& call = program.calls[i];
    if (ends[i] < 0) {
      if (gone[i]) continue;
      rewriter.keep(call);
      for (const int v : call.outputs) note(v, call.where);
      continue;
    }
    const Chain& chain = chains[static_cast<std::size_t>(ends[i])];
    std::vector<int> inputs;
    for (const int v : chain.product->inputs) inputs.push_back(rewriter.now(v));
    if (chain.epilogue.residual) inputs.push_back(rewriter.now(chain.residual));
    if (chain.epilogue.gate) {
      note(chain.gate, call.where);  // an input or a constant
      inputs.push_back(bits.at(chain.gate));
    }
    rewriter.keep_as(call, *fused_form(*chain.product->op),
                     fused_attrs(chain.product->attrs, chain.epilogue), std::move(inputs));
    for (const int v : call.outputs) note(v, call.where);
  }
  program = rewriter.finish();
}

}  // namespace ingrad
