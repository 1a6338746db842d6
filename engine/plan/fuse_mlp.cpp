// SPDX-License-Identifier: Apache-2.0
// On a device the gradient of one output per row of a small multilayer perceptron becomes a single
// kernel (kernels/mlp_gradient.h): the layers of such networks take less time than the start of a
// kernel. Looks at programs in which the seed is a gather already, from the last call, the gradient
// with respect to the input, up to the seed.
#include "engine/plan/fused_ops.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"
#include "kernels/mlp_gradient.h"

namespace ingrad {
namespace {

class MlpMatch {
 public:
  MlpMatch(const Program& program, const ValueUses& uses) : p_(program), uses_(uses) {}

  // Is `call` the gradient with respect to the input of the first layer?
  bool found(const ProgramCall& call) {
    const ProgramCall* product = &call;
    for (int below = -1;;) {
      if (product->op->name == "index_select") return below >= 0 && takes_seed(*product, below);
      const int h = takes_layer(*product, below);
      if (h < 0) return false;
      below = h;
      product = seed_;
    }
  }
  // Those of mlp_gradient_form().
  std::vector<int> inputs() const {
    std::vector<int> all = {x_, index_};
    all.insert(all.end(), weights_.begin(), weights_.end());
    for (const int b : biases_) {
      if (b >= 0) all.push_back(b);
    }
    return all;
  }
  Attrs attrs() const {
    Attr::Ints biased;
    for (const int b : biases_) biased.push_back(b >= 0 ? 1 : 0);
    return {{"layers", static_cast<std::int64_t>(weights_.size())}, {"biased", biased}};
  }

 private:
  const ProgramCall* made_by(int value, const char* op) const {
    const int call = uses_.producer(value);
    if (call < 0) return nullptr;
    const ProgramCall& c = p_.calls[static_cast<std::size_t>(call)];
    return op == nullptr || c.op->name == op ? &c : nullptr;
  }
  bool fits(int weight) const {
    const Tensor& w = p_.constant(weight);
    return w.defined() && w.dtype() == DType::f32 && w.rank() == 2 && w.is_contiguous() &&
           w.shape()[0] > 0 && w.shape()[1] > 0 && w.shape()[0] <= kernels::kMlpMostWidth &&
           w.shape()[1] <= kernels::kMlpMostWidth &&
           weights_.size() < static_cast<std::size_t>(kernels::kMlpMostLayers);
  }

  // `product`: (gradient of h before ReLU) times W, where h = relu(linear(input, W, b)) and the
  // input is the h of the layer below, or x. Gives h, and the call above in seed_; -1: no.
  int takes_layer(const ProgramCall& product, int below) {
    if (product.op->name != "matmul" || !fits(product.inputs[1])) return -1;
    const ProgramCall* const gate = made_by(product.inputs[0], "relu_grad");
    if (gate == nullptr || uses_.readers(product.inputs[0]) != 1) return -1;
    const int h = gate->inputs[0];
    const ProgramCall* const relu = made_by(h, "relu");
    if (relu == nullptr || uses_.readers(relu->inputs[0]) != 1) return -1;
    const ProgramCall* const linear = made_by(relu->inputs[0], "linear");
    if (linear == nullptr || linear->inputs[1] != product.inputs[1]) return -1;
    const int bias = linear->inputs.size() > 2 ? linear->inputs[2] : -1;
    if (bias >= 0 && (!p_.is_constant(bias) || !p_.constant(bias).is_contiguous())) return -1;
    if (below < 0) {
      x_ = linear->inputs[0];
      if (p_.spec(x_).shape.rank() != 2) return -1;
    } else if (linear->inputs[0] != below || uses_.readers(below) != 2) {
      return -1;  // the layer below serves others, too
    }
    seed_ = made_by(gate->inputs[1], nullptr);
    if (seed_ == nullptr || uses_.readers(gate->inputs[1]) != 1) return -1;
    weights_.push_back(product.inputs[1]);
    biases_.push_back(bias);
    return h;
  }

  // Rows of the last weights.
  bool takes_seed(const ProgramCall& select, int below) {
    if (select.attrs.integer("axis") != 0 || !fits(select.inputs[0])) return false;
    if (p_.spec(select.inputs[1]).shape.rank() != 1 || uses_.readers(below) != 1) return false;
    index_ = select.inputs[1];
    weights_.push_back(select.inputs[0]);
    return true;
  }

  const Program& p_;
  const ValueUses& uses_;
  const ProgramCall* seed_ = nullptr;
  int x_ = -1, index_ = -1;
  std::vector<int> weights_, biases_;
};

}  // namespace

void fuse_mlp(Program& program, const PassContext& context) {
  if (context.device.kind == Device::Kind::cpu) return;  // whose kernels cost nothing to start
  const ValueUses uses(program);
  Rewriter rewriter(program);
  for (const ProgramCall& call : program.calls) {
    MlpMatch match(program, uses);
    if (!match.found(call)) {
      rewriter.keep(call);
      continue;
    }
    std::vector<int> inputs = match.inputs();
    for (int& v : inputs) v = rewriter.now(v);
    rewriter.keep_as(call, mlp_gradient_form(), match.attrs(), std::move(inputs));
  }
  program = rewriter.finish();
  remove_dead_code(program, context);
}

}  // namespace ingrad
