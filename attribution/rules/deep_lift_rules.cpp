// SPDX-License-Identifier: Apache-2.0
#include "attribution/rules/deep_lift_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "engine/op.h"
#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

using Tensors = std::vector<Tensor>;

constexpr double kSmall = 1e-6;

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Values of pairs of rows. Ops that merge the rows with other axes, as norms do, leave every row a
// block of the first axis: [2 n k, ...].
class Pairs {
 public:
  explicit Pairs(std::int64_t count) : count_(count) {}

  // [n, 2, k, ...].
  Tensor paired(const Tensor& t) const {
    const Shape each = t.shape().with(0, t.dim(0) / (2 * count_));
    return reshape(t, each.with_inserted(0, 2).with_inserted(0, count_));
  }
  // The same value [n, 1, k, ...] for both rows of a pair, as [2 n k, ...].
  Tensor for_both(const Tensor& t) const { return flat(expand(t, t.shape().with(1, 2))); }
  // [n, 2, k, ...] as [2 n k, ...].
  Tensor flat(const Tensor& t) const {
    const Shape each = t.shape().without(0).without(0);
    return reshape(t, each.with(0, 2 * count_ * each[0]));
  }
  // Of the sample and of the reference, [n, 1, k, ...].
  Tensor of_sample(const Tensor& t) const { return narrow(paired(t), 1, 0, 1); }
  Tensor of_reference(const Tensor& t) const { return narrow(paired(t), 1, 1, 1); }
  Tensor average(const Tensor& t) const { return for_both((of_sample(t) + of_reference(t)) * 0.5); }
  // Where z differs between the rows of a pair by more than rounding: [n, 1, k, ...].
  Tensor differs(const Tensor& z) const {
    const Tensor x = of_sample(z), r = of_reference(z);
    return gt(abs(x - r), maximum(maximum(abs(x), abs(r)), 1.0) * kSmall);
  }
  std::int64_t count() const { return count_; }

 private:
  std::int64_t count_;
};

Tensors all_of(std::span<const Tensor> t) { return {t.begin(), t.end()}; }

// Cotangents of the inputs that are needed through f of all of them.
template <class F>
Tensors differentiated(const VjpArgs& a, Tensors inputs, std::span<const Tensor> cotangents, F f,
                       const GradOptions& options = {}) {
  Tensors wrt;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!a.needs(i)) continue;
    inputs[i] = inputs[i].detach().track({.save_all = true});
    wrt.push_back(inputs[i]);
  }
  Tensors found = gradients(f(inputs), cotangents, wrt, options), result(inputs.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (a.needs(i)) result[i] = std::move(found[next++]);
  }
  return result;
}

// By these rules again.
template <class F>
Tensors through(const Pairs& pairs, const VjpArgs& a, F f) {
  const Rules rules = deep_lift_rules(pairs.count());
  return differentiated(a, all_of(a.inputs), a.cotangents, f, {.rules = &rules});
}

// The ordinary rule, at other inputs and for other cotangents.
Tensors ordinary(const OpDef& op, const VjpArgs& a, const Tensors& inputs,
                 const Tensors& cotangents) {
  if (op.vjp) return op.vjp({a.attrs, inputs, a.outputs, cotangents, a.needed});
  return differentiated(a, inputs, cotangents,
                        [&](const Tensors& in) { return apply(op, a.attrs, in); });
}

std::ptrdiff_t needed_inputs(const VjpArgs& a) {
  return std::count_if(a.needed.begin(), a.needed.end(), [](char n) { return n != 0; });
}

// Of an elementwise op in its only input that matters.
Tensors rescale(const Pairs& pairs, const OpDef& op, const VjpArgs& a) {
  std::size_t at = 0;
  while (!a.needs(at)) ++at;
  const Tensor &y = a.outputs[0], z = expand(a.inputs[at], y.shape());
  const Tensor moved = pairs.differs(z);
  const Tensor dz = pairs.of_sample(z) - pairs.of_reference(z),
               dy = pairs.of_sample(y) - pairs.of_reference(y);
  const Tensor slope = dy / where(moved, dz, 1.0);
  Tensors halfway = all_of(a.inputs);
  halfway[at] = pairs.average(z).track();
  const Tensor there = apply(op, a.attrs, halfway)[0],
               ones = Tensor::ones(there.shape(), there.dtype());
  const Tensor derivative = gradients({&there, 1}, {&ones, 1}, {&halfway[at], 1})[0];
  const Tensor m = where(pairs.for_both(moved), pairs.for_both(slope), derivative);
  Tensors result(a.inputs.size());
  result[at] = sum_to(a.cotangents[0] * m, a.inputs[at].shape());
  return result;
}

// Of an op that picks the largest (smallest): what it picked for the sample gets M - y', what it
// picked for the reference y - M, M the larger (smaller) of both outputs; the sum for an element,
// divided by its difference. What does not differ between the two gets nothing of either.
Tensors winners(const Pairs& pairs, const OpDef& op, const VjpArgs& a, bool largest) {
  const Tensor &y = a.outputs[0], &x = a.inputs[0];
  const Tensor ys = pairs.of_sample(y), yr = pairs.of_reference(y);
  const Tensor m = largest ? maximum(ys, yr) : minimum(ys, yr);
  const Tensor shares = concat({m - yr, ys - m}, 1);
  Tensors cotangents = all_of(a.cotangents);
  cotangents[0] = cotangents[0] * pairs.flat(shares);
  const Tensor scattered = ordinary(op, a, all_of(a.inputs), cotangents)[0];
  const Tensor contribution = pairs.of_sample(scattered) + pairs.of_reference(scattered);
  const Tensor moved = pairs.differs(x), dx = pairs.of_sample(x) - pairs.of_reference(x);
  Tensors result(a.inputs.size());
  result[0] = pairs.for_both(where(moved, contribution / where(moved, dx, 1.0), 0.0));
  return result;
}

// Products of two values that both depend on the input: exact with the mean of each.
Tensors symmetric(const Pairs& pairs, const OpDef& op, const VjpArgs& a) {
  Tensors inputs = all_of(a.inputs);
  if (needed_inputs(a) > 1) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (a.needs(i)) inputs[i] = pairs.average(inputs[i]);
    }
  }
  return ordinary(op, a, inputs, all_of(a.cotangents));
}

// Exponentials over their sum; one shift for both rows, so that it cancels in their difference.
Tensors exponentials(const Pairs& pairs, const VjpArgs& a, bool log_of) {
  return through(pairs, a, [&](const Tensors& in) {
    const std::int64_t axis = a.attrs.integer("axis");
    const Tensor top = amax(in[0].detach(), {axis}, true);
    const Tensor t = in[0] - pairs.for_both(maximum(pairs.of_sample(top), pairs.of_reference(top)));
    const Tensor e = exp(t), total = sum(e, {axis}, true);
    return Tensors{log_of ? t - log(total) : e / total};
  });
}

Tensors chosen(const Pairs& pairs, const VjpArgs& a) {
  const Tensor &g = a.cotangents[0],
               first = pairs.average(cast(expand(a.inputs[0], g.shape()), g.dtype()));
  Tensors result(3);
  if (a.needs(1)) result[1] = sum_to(g * first, a.inputs[1].shape());
  if (a.needs(2)) result[2] = sum_to(g * (1.0 - first), a.inputs[2].shape());
  return result;
}

Tensors elementwise(const Pairs& pairs, const OpDef& op, const VjpArgs& a) {
  const std::string_view name = op.name;
  const auto binary = [&](auto f) {
    return through(pairs, a, [&](const Tensors& in) { return Tensors{f(in[0], in[1])}; });
  };
  if (is_one_of(name, {"add", "sub", "neg", "copy", "add_scaled"})) {
    return ordinary(op, a, all_of(a.inputs), all_of(a.cotangents));
  }
  if (name == "mul") return symmetric(pairs, op, a);
  if (name == "where") return chosen(pairs, a);
  if (needed_inputs(a) == 1) {
    if (name == "div" && a.needs(0)) {
      return ordinary(op, a, all_of(a.inputs), all_of(a.cotangents));
    }
    return rescale(pairs, op, a);
  }
  if (name == "div") {
    return binary([](const Tensor& u, const Tensor& v) { return u * reciprocal(v); });
  }
  if (name == "maximum") {
    return binary([](const Tensor& u, const Tensor& v) { return v + relu(u - v); });
  }
  if (name == "minimum") {
    return binary([](const Tensor& u, const Tensor& v) { return u - relu(u - v); });
  }
  throw Error(
      fmt::format("deep_lift: the op \"{}\" of several values that depend on the input has "
                  "no rule",
                  name));
}

Tensors of_op(const Pairs& pairs, const OpDef& op, const VjpArgs& a) {
  const std::string_view name = op.name;
  switch (op.cls) {
    case OpClass::elementwise: return elementwise(pairs, op, a);
    case OpClass::bilinear: return symmetric(pairs, op, a);
    case OpClass::selection:
      if (is_one_of(name, {"max_pool", "adaptive_max_pool", "amax", "max"})) {
        return winners(pairs, op, a, true);
      }
      if (is_one_of(name, {"amin", "min"})) return winners(pairs, op, a, false);
      break;
    case OpClass::composite:
      if (name == "softmax" || name == "log_softmax")
        return exponentials(pairs, a, name != "softmax");
      // With statistics that are given it is linear.
      if (name == "batch_norm_eval" && needed_inputs(a) == 1) {
        return ordinary(op, a, all_of(a.inputs), all_of(a.cotangents));
      }
      if (op.expand) {
        return through(pairs, a, [&](const Tensors& in) { return op.expand(a.attrs, in); });
      }
      break;
    case OpClass::linear: break;  // these keep their rule
  }
  throw Error(fmt::format("deep_lift: the op \"{}\" has no rule", name));
}

}  // namespace

Rules deep_lift_rules(std::int64_t pairs) {
  const Pairs of_rows(pairs);
  Rules rules;
  for (const OpDef* op : op_table().all()) {
    if (op->cls == OpClass::linear || !op->differentiable()) continue;
    rules.set(op->name, [op, of_rows](const VjpArgs& a) { return of_op(of_rows, *op, a); });
  }
  return rules;
}

}  // namespace ingrad
