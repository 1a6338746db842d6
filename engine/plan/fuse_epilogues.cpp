// SPDX-License-Identifier: Apache-2.0
// Sums, activations and their gradients after a product move into it, one after the other: the
// product is computed where the last of them was. The gradient of ReLU needs a bit per element;
// smooth activations leave their slope, which takes the place of their argument in memory and costs
// little more than their value.
#include <map>
#include <set>

#include "engine/plan/fused_ops.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

namespace ingrad {
namespace {

using kernels::Activation;

bool floating(const TensorSpec& s) { return s.dtype == DType::f32 || s.dtype == DType::f64; }

// A product and the calls after it that it takes in.
struct Chain {
  const ProgramCall* product;
  std::vector<int> calls;  // in order, from the product to the one whose place it takes
  Epilogue epilogue = {};
  int residual = -1, gate = -1, factor = -1;  // old values; of a factor, the activation's argument
  int argument = -1;                          // of the smooth activation whose slope it leaves
};

class Fusion {
 public:
  Fusion(const Program& program, bool smooth)
      : p_(program), uses_(program), readers_(program.specs.size()), smooth_(smooth) {
    for (std::size_t c = 0; c < p_.calls.size(); ++c) {
      for (const int v : p_.calls[c].inputs) readers_[as(v)].push_back(static_cast<int>(c));
    }
  }

  Chain chain_from(int call) const {
    Chain chain{&p_.calls[as(call)], {call}};
    int value = chain.product->outputs[0];
    for (;;) {
      const int reader = uses_.only_reader(value);
      const bool taken = reader >= 0 && take(chain, value, p_.calls[as(reader)]);
      const int next = taken ? reader : take_smooth(chain, value);
      if (next < 0) return chain;
      chain.calls.push_back(next);
      value = p_.calls[as(next)].outputs[0];
    }
  }

  // Later chains can count on the slope at this argument.
  void leaves_slope(int argument) { sloped_.insert(argument); }

  static bool is_product(const Program& p, const ProgramCall& c) {
    if (fused_form(*c.op) == nullptr || !floating(p.spec(c.outputs[0]))) return false;
    return c.op->name != "matmul" ||
           (p.spec(c.inputs[1]).shape.rank() == 2 && p.spec(c.inputs[0]).shape.rank() >= 2);
  }

  // Is a call the gradient of an activation, at the argument that is its second input?
  static bool is_gradient(const ProgramCall& c, const std::string& activation) {
    return c.op->name == activation + ".d0" && c.inputs[0] != c.inputs[1];
  }

 private:
  static std::size_t as(int i) { return static_cast<std::size_t>(i); }

  // Can `next`, which alone reads `value`, become part of the chain?
  bool take(Chain& chain, int value, const ProgramCall& next) const {
    const std::string& op = next.op->name;
    const auto same = [&](int v) { return p_.spec(v) == p_.spec(value); };
    Epilogue& e = chain.epilogue;
    if (e.factor || is_smooth(e.activation)) return false;
    const bool only_sums = e.activation == Activation::none && !e.gate;
    if (op == "add" && only_sums && !e.residual) {
      const int other = next.inputs[0] == value ? next.inputs[1] : next.inputs[0];
      if (other == value || !same(other) || !same(next.outputs[0])) return false;
      e.residual = true;
      chain.residual = other;
      return true;
    }
    if (op == "relu" && only_sums) {
      e.activation = Activation::relu;
      return true;
    }
    if (op == "relu_grad" && !e.gate && next.inputs[1] == value && next.inputs[0] != value &&
        same(next.inputs[0])) {
      e.gate = true;
      chain.gate = next.inputs[0];
      return true;
    }
    if (next.inputs.size() == 2 && next.inputs[0] == value && sloped_.count(next.inputs[1]) != 0 &&
        same(next.inputs[1])) {
      e.factor = true;
      chain.factor = next.inputs[1];
      return true;
    }
    return false;
  }

  // The call that applies a smooth activation to `value`, if besides it only gradients of that
  // activation read it; -1 if there is none.
  int take_smooth(Chain& chain, int value) const {
    const Epilogue& e = chain.epilogue;
    const std::vector<int>& readers = readers_[as(value)];
    if (!smooth_ || e.factor || e.gate || e.activation != Activation::none || readers.empty() ||
        as(uses_.readers(value)) != readers.size()) {
      return -1;
    }
    const int first = readers.front();
    const ProgramCall& call = p_.calls[as(first)];
    const Activation f = activation_of(*call.op, *chain.product->op);
    if (!is_smooth(f)) return -1;
    for (std::size_t i = 1; i < readers.size(); ++i) {
      const ProgramCall& reader = p_.calls[as(readers[i])];
      if (!is_gradient(reader, call.op->name) || reader.inputs[1] != value) return -1;
    }
    chain.epilogue.activation = f;
    chain.epilogue.slope = readers.size() > 1;
    if (chain.epilogue.slope) chain.argument = value;
    return first;
  }

  const Program& p_;
  ValueUses uses_;
  std::vector<std::vector<int>> readers_;  // of every value, as calls in order
  bool smooth_;
  std::set<int> sloped_;
};

// The program with its chains in place.
class Fused {
 public:
  Fused(const Program& program, const std::vector<Chain>& chains, const std::vector<int>& ends,
        const std::vector<char>& gone)
      : p_(program), rewriter_(program) {
    for (const Chain& chain : chains) {
      if (chain.epilogue.gate) bits_[chain.gate] = -1;
    }
    for (std::size_t i = 0; i < p_.calls.size(); ++i) {
      const ProgramCall& call = p_.calls[i];
      if (ends[i] >= 0) {
        emit(call, chains[static_cast<std::size_t>(ends[i])]);
      } else if (gone[i] != 0) {
        continue;
      } else if (call.inputs.size() == 2 && slopes_.count(call.inputs[1]) != 0) {
        static const OpDef& mul = find_op("mul");
        rewriter_.keep_as(call, mul, {},
                          {rewriter_.now(call.inputs[0]), slopes_.at(call.inputs[1])});
      } else {
        rewriter_.keep(call);
      }
      for (const int v : call.outputs) note(v, call.where);
    }
  }
  Program finish() { return rewriter_.finish(); }

 private:
  void emit(const ProgramCall& call, const Chain& chain) {
    std::vector<int> inputs;
    for (const int v : chain.product->inputs) inputs.push_back(rewriter_.now(v));
    if (chain.epilogue.residual) inputs.push_back(rewriter_.now(chain.residual));
    if (chain.epilogue.gate) {
      note(chain.gate, call.where);  // an input or a constant
      inputs.push_back(bits_.at(chain.gate));
    }
    if (chain.epilogue.factor) inputs.push_back(slopes_.at(chain.factor));
    const OpDef& op = *fused_form(*chain.product->op);
    Attrs attrs = fused_attrs(chain.product->attrs, chain.epilogue);
    if (chain.argument < 0) {
      rewriter_.keep_as(call, op, std::move(attrs), std::move(inputs));
      return;
    }
    const std::vector<int> out = rewriter_.emit(op, attrs, std::move(inputs), call.where);
    rewriter_.replace(call.outputs[0], out[0]);
    slopes_[chain.argument] = out[1];
  }

  // Gates are noted as bits as soon as they exist, so that nothing else keeps their memory.
  void note(int value, Location where) {
    const auto found = bits_.find(value);
    if (found == bits_.end() || found->second >= 0) return;
    found->second = rewriter_.emit(sign_bits_form(), {}, {rewriter_.now(value)}, where).front();
  }

  const Program& p_;
  Rewriter rewriter_;
  std::map<int, int> bits_;    // of gates
  std::map<int, int> slopes_;  // by the activation's argument
};

}  // namespace

void fuse_epilogues(Program& program, const PassContext& context) {
  // On a device, NVIDIA's products with a kernel for the activation are faster than our own with
  // both.
  Fusion fusion(program, context.device.kind == Device::Kind::cpu);
  // Chains by the call whose place they take; calls that are part of one are gone.
  std::vector<Chain> chains;
  std::vector<int> ends(program.calls.size(), -1);
  std::vector<char> gone(program.calls.size(), 0);
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    if (gone[i] != 0 || !Fusion::is_product(program, program.calls[i])) continue;
    Chain chain = fusion.chain_from(static_cast<int>(i));
    const auto last = static_cast<std::size_t>(chain.calls.back());
    // A sum of two products becomes part of the first; the second is its residual.
    if (last == i || ends[last] >= 0) continue;
    for (const int c : chain.calls) gone[static_cast<std::size_t>(c)] = 1;
    ends[last] = static_cast<int>(chains.size());
    if (chain.argument >= 0) fusion.leaves_slope(chain.argument);
    chains.push_back(std::move(chain));
  }
  program = Fused(program, chains, ends, gone).finish();
}

}  // namespace ingrad
