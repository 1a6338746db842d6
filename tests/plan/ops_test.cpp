// SPDX-License-Identifier: Apache-2.0
// Every op of the table, from its samples, as a plan of one op and as a plan of its gradient: the
// same bits as at once, in repeated runs, with stale memory poisoned.
#include <set>

#include "engine/differentiate.h"
#include "engine/ops/reduce.h"
#include "engine/plan/plan.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

class PlannedOp : public ::testing::TestWithParam<std::string> {
 protected:
  // f(inputs) as a plan is f(inputs).
  void expect_same(const GraphFn& f, const std::vector<Tensor>& inputs, const std::string& what) {
    std::vector<TensorSpec> specs;
    for (const Tensor& x : inputs) specs.push_back(x.spec());
    std::shared_ptr<const Plan> plan;
    try {
      plan = compile(f, specs, {.rows = false, .poison = true});
    } catch (const Error& e) {
      // These look at values that only a run has.
      const std::set<std::string> known = {"floor_divide", "remainder"};
      EXPECT_NE(e.message().find("not known while a plan is built"), std::string::npos)
          << what << ": " << e.message();
      EXPECT_TRUE(known.count(GetParam())) << what << ": " << e.message();
      return;
    }
    Workspace workspace(plan);
    const std::vector<Tensor> expected = f(inputs);
    for (int run = 0; run < 2; ++run) {
      expect_same_bits(workspace.run(inputs), expected, what + " run " + std::to_string(run));
    }
  }
};

TEST_P(PlannedOp, EqualsEager) {
  const OpDef& op = find_op(GetParam());
  std::size_t number = 0;
  for (const Sample& s : op.samples()) {
    for (const DType t : {DType::f32, DType::f64}) {
      const auto inputs = as_dtype(s.inputs, t);
      const std::string what = describe(op, s, number) + " " + std::string(name_of(t));
      expect_same([&](std::span<const Tensor> in) { return apply(op, s.attrs, in); }, inputs, what);
      if (!op.differentiable() || !s.differentiable) continue;
      // The gradient of the sum of all floating outputs with respect to the floating inputs.
      expect_same(
          [&](std::span<const Tensor> in) {
            std::vector<Tensor> leaves, arguments(in.begin(), in.end());
            for (Tensor& x : arguments) {
              if (!is_floating(x.dtype())) continue;
              x = x.track();
              leaves.push_back(x);
            }
            Tensor total;
            for (const Tensor& y : apply(op, s.attrs, arguments)) {
              if (!y.is_tracked() || !is_floating(y.dtype())) continue;
              total = total.defined() ? total + sum(y) : sum(y);
            }
            if (!total.defined()) return std::vector<Tensor>(in.begin(), in.end());
            const Tensor seed = Tensor::scalar(1, total.dtype());
            return gradients({&total, 1}, {&seed, 1}, leaves);
          },
          inputs, what + " gradient");
    }
    ++number;
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, PlannedOp, ::testing::ValuesIn(op_names()), test_name);

}  // namespace
}  // namespace ingrad
