// SPDX-License-Identifier: Apache-2.0
// Batch norm with given statistics is an affine map per channel, a z + d. After a convolution or
// linear map with constant weights it scales their output channels and shifts the bias; before the
// gradient of one, where d = 0, it scales the same channels.
#include <algorithm>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/plan/packed_constants.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"

namespace ingrad {
namespace {

struct Affine {
  Tensor scale, shift;  // f64 [C]
};

// Undefined where a parameter is not constant.
Affine affine_of(const Program& p, const ProgramCall& norm) {
  std::vector<Tensor> k;
  for (std::size_t i = 1; i < norm.inputs.size(); ++i) {
    const Tensor& t = p.constant(norm.inputs[i]);
    if (!t.defined()) return {};
    k.push_back(cast(t, DType::f64));
  }
  Affine a;
  a.scale = rsqrt(k[1] + norm.attrs.number("epsilon"));
  if (k.size() > 2) a.scale = a.scale * k[2];
  a.shift = 0.0 - k[0] * a.scale;
  if (k.size() > 3) a.shift = a.shift + k[3];
  return a;
}

// weight [M, ...] with row m times scale[m], rounded once.
Tensor scaled_rows(const Tensor& weight, const Tensor& scale) {
  std::vector<std::int64_t> e(static_cast<std::size_t>(weight.rank()), 1);
  e[0] = scale.size();
  return cast(cast(weight, DType::f64) * reshape(scale, e), weight.dtype());
}

bool is_norm(const ProgramCall& c) { return c.op->name == "batch_norm_eval"; }

class Folding {
 public:
  explicit Folding(const Program& p) : p_(p), uses_(p), rewriter_(p) {}

  Program run() {
    for (const ProgramCall& call : p_.calls) {
      if (dropped(call)) continue;
      if (!is_norm(call) || !after_product(call)) {
        if (!before_gradient(call)) rewriter_.keep(call);
      }
    }
    return rewriter_.finish();
  }

 private:
  const ProgramCall* producer(int value) const {
    const int c = uses_.producer(value);
    return c < 0 ? nullptr : &p_.calls[static_cast<std::size_t>(c)];
  }
  const ProgramCall* only_reader(int value) const {
    const int c = uses_.only_reader(value);
    return c < 0 ? nullptr : &p_.calls[static_cast<std::size_t>(c)];
  }

  // norm(product(x)) with nobody else reading the product.
  bool folds_after(const ProgramCall& norm, const ProgramCall* product) const {
    return product != nullptr && (product->op->name == "conv" || product->op->name == "linear") &&
           uses_.readers(norm.inputs[0]) == 1 && p_.spec(norm.inputs[0]).shape.rank() >= 2 &&
           (product->op->name == "conv" || p_.spec(norm.inputs[0]).shape.rank() == 2) &&
           p_.is_constant(product->inputs[1]) &&
           (product->inputs.size() < 3 || p_.is_constant(product->inputs[2])) &&
           affine_of(p_, norm).scale.defined();
  }
  bool after_product(const ProgramCall& norm) {
    const ProgramCall* product = producer(norm.inputs[0]);
    if (!folds_after(norm, product)) return false;
    const Affine a = affine_of(p_, norm);
    const Tensor& weight = p_.constant(product->inputs[1]);
    Tensor shift = a.shift;
    if (product->inputs.size() > 2) {
      shift = shift + cast(p_.constant(product->inputs[2]), DType::f64) * a.scale;
    }
    const Tensor scaled =
        PackedConstants::current().derived(sources(norm, weight), norm.attrs.number("epsilon"),
                                           [&] { return scaled_rows(weight, a.scale); });
    rewriter_.keep_as(norm, *product->op, product->attrs,
                      {rewriter_.now(product->inputs[0]), rewriter_.constant(scaled),
                       rewriter_.constant(cast(shift, weight.dtype()))});
    return true;
  }

  // gradient(norm(g), weight) with nobody else reading the norm, which only scales.
  bool folds_before(const ProgramCall& norm, const ProgramCall* gradient) const {
    if (gradient == nullptr || gradient->inputs[0] != norm.outputs[0]) return false;
    const bool product =
        gradient->op->name == "conv_data_grad" ||
        (gradient->op->name == "matmul" && p_.spec(norm.outputs[0]).shape.rank() == 2 &&
         p_.spec(gradient->inputs[1]).shape.rank() == 2);
    if (!product || !p_.is_constant(gradient->inputs[1])) return false;
    const Affine a = affine_of(p_, norm);
    return a.scale.defined() && amax(abs(a.shift)).item() == 0;
  }
  bool before_gradient(const ProgramCall& call) {
    const ProgramCall* norm = call.inputs.empty() ? nullptr : producer(call.inputs[0]);
    if (norm == nullptr || !is_norm(*norm) || only_reader(norm->outputs[0]) != &call ||
        folds_after(*norm, producer(norm->inputs[0])) || !folds_before(*norm, &call)) {
      return false;
    }
    const Tensor& weight = p_.constant(call.inputs[1]);
    const Tensor scaled = PackedConstants::current().derived(
        sources(*norm, weight), norm->attrs.number("epsilon"),
        [&] { return scaled_rows(weight, affine_of(p_, *norm).scale); });
    rewriter_.keep_as(call, *call.op, call.attrs,
                      {rewriter_.now(norm->inputs[0]), rewriter_.constant(scaled)});
    return true;
  }

  // What scaled weights are made of: they are the same for every number of rows, and in both
  // directions.
  std::vector<Tensor> sources(const ProgramCall& norm, const Tensor& weight) const {
    std::vector<Tensor> all = {weight};
    const std::size_t end = std::min<std::size_t>(norm.inputs.size(), 4);  // variance and weight
    for (std::size_t i = 2; i < end; ++i) all.push_back(p_.constant(norm.inputs[i]));
    return all;
  }

  // Calls that have become part of others.
  bool dropped(const ProgramCall& call) const {
    const ProgramCall* reader = only_reader(call.outputs[0]);
    if (reader == nullptr) return false;
    if (is_norm(*reader) && reader->inputs[0] == call.outputs[0] && folds_after(*reader, &call)) {
      return true;
    }
    return is_norm(call) && !folds_after(call, producer(call.inputs[0])) &&
           folds_before(call, reader);
  }

  const Program& p_;
  ValueUses uses_;
  Rewriter rewriter_;
};

}  // namespace

void fold_batch_norm(Program& program, const PassContext&) { program = Folding(program).run(); }

}  // namespace ingrad
