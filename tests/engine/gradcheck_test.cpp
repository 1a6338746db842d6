// SPDX-License-Identifier: Apache-2.0
// gradcheck is what every derivative is held to, so it must itself fail on wrong ones.
#include "engine/gradcheck.h"

#include <gtest/gtest.h>

#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"

namespace ingrad {
namespace {

using In = std::span<const Tensor>;

const Tensor kX = Tensor::from<double>({0.3, -1.2, 2, 0.7}, Shape{2, 2});

// x^3 with a derivative rule of the test's.
MultiFn cube(VjpRule rule) {
  return [rule](In in) {
    const MultiFn forward = [](In x) { return std::vector<Tensor>{x[0] * x[0] * x[0]}; };
    return custom(forward, rule, in);
  };
}

const VjpRule kRight = [](const VjpArgs& a) {
  return std::vector<Tensor>{a.cotangents[0] * 3 * square(a.inputs[0])};
};

TEST(Gradcheck, PassesRightDerivatives) {
  const GradcheckResult r = gradcheck(cube(kRight), {&kX, 1}, {.second_order = true});
  EXPECT_TRUE(r.ok) << r.message;
  EXPECT_LT(r.worst, 1);
  const std::vector<Tensor> two = {kX, kX + 0.5};
  const GradcheckResult product = gradcheck(
      [](In in) { return std::vector<Tensor>{matmul(in[0], in[1]), sum(in[0])}; }, two,
      {.second_order = true});
  EXPECT_TRUE(product.ok) << product.message;
}

TEST(Gradcheck, FailsAWrongFactor) {
  const VjpRule rule = [](const VjpArgs& a) {
    return std::vector<Tensor>{a.cotangents[0] * 3.0001 * square(a.inputs[0])};
  };
  const GradcheckResult r = gradcheck(cube(rule), {&kX, 1});
  EXPECT_FALSE(r.ok);
  EXPECT_GT(r.worst, 1);
  EXPECT_NE(r.message.find("first order"), std::string::npos) << r.message;
  EXPECT_NE(r.message.find("input 0 element"), std::string::npos) << r.message;
}

TEST(Gradcheck, FailsOneWrongElement) {
  const VjpRule rule = [](const VjpArgs& a) {
    const Tensor last = Tensor::from<double>({0, 0, 0, 1e-3}, Shape{2, 2});
    return std::vector<Tensor>{a.cotangents[0] * (3 * square(a.inputs[0]) + last)};
  };
  const GradcheckResult r = gradcheck(cube(rule), {&kX, 1});
  EXPECT_FALSE(r.ok);
  EXPECT_NE(r.message.find("element 3"), std::string::npos) << r.message;
}

TEST(Gradcheck, FailsARuleThatIsRightOnceOnly) {
  // The value of the derivative is right, but it hides how it depends on x.
  const VjpRule rule = [](const VjpArgs& a) {
    return std::vector<Tensor>{a.cotangents[0] * 3 * square(a.inputs[0].detach())};
  };
  EXPECT_TRUE(gradcheck(cube(rule), {&kX, 1}).ok);
  const GradcheckResult r = gradcheck(cube(rule), {&kX, 1}, {.second_order = true});
  EXPECT_FALSE(r.ok);
  EXPECT_NE(r.message.find("second order"), std::string::npos) << r.message;
}

TEST(Gradcheck, FailsMissingAndNaNDerivatives) {
  const VjpRule none = [](const VjpArgs&) { return std::vector<Tensor>{Tensor()}; };
  EXPECT_FALSE(gradcheck(cube(none), {&kX, 1}).ok);
  const VjpRule nan = [](const VjpArgs& a) {
    return std::vector<Tensor>{a.cotangents[0] * std::numeric_limits<double>::quiet_NaN()};
  };
  EXPECT_FALSE(gradcheck(cube(nan), {&kX, 1}).ok);
}

// An op of the test's whose rules for the two directions disagree.
TEST(Gradcheck, FailsAForwardModeThatDisagrees) {
  static const OpDef op{
      .name = "disagreeing",
      .doc = "2 x, with a wrong forward mode.",
      .infer = [](const Attrs&, std::span<const TensorSpec> in,
                  Location) { return std::vector<TensorSpec>{in[0]}; },
      .eval = [](const EvalArgs& a) { return std::vector<Tensor>{a.inputs[0] * 2}; },
      .vjp = [](const VjpArgs& a) { return std::vector<Tensor>{a.cotangents[0] * 2}; },
      .jvp = [](const JvpArgs& a) { return std::vector<Tensor>{a.tangents[0] * 2.01}; },
  };
  const MultiFn f = [](In in) { return apply(op, {}, in); };
  const GradcheckResult r = gradcheck(f, {&kX, 1});
  EXPECT_FALSE(r.ok);
  EXPECT_NE(r.message.find("forward mode"), std::string::npos) << r.message;
  EXPECT_TRUE(gradcheck(f, {&kX, 1}, {.forward_mode = false}).ok);
}

TEST(Gradcheck, WantsF64) {
  const Tensor x = Tensor::ones(Shape{2});
  EXPECT_THROW(gradcheck(cube(kRight), {&x, 1}), Error);
}

}  // namespace
}  // namespace ingrad
