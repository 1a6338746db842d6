// SPDX-License-Identifier: Apache-2.0
// Derivative rules of the caller's: custom computations, substituted rules, taps.
#include <gtest/gtest.h>

#include "engine/differentiate.h"
#include "engine/graph.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"

namespace ingrad {
namespace {

using Values = std::vector<double>;
using In = std::span<const Tensor>;

Tensor vec(const Values& v) {
  return Tensor::from<double>(v, Shape{static_cast<std::int64_t>(v.size())});
}

// A step whose derivative is that of a sigmoid (the surrogate of spiking networks).
Tensor spike(const Tensor& x) {
  const MultiFn forward = [](In in) {
    return std::vector<Tensor>{cast(gt(in[0], 0), in[0].dtype())};
  };
  const VjpRule rule = [](const VjpArgs& a) {
    const Tensor s = sigmoid(a.inputs[0]);
    return std::vector<Tensor>{a.cotangents[0] * s * (1 - s)};
  };
  return custom(forward, rule, {&x, 1})[0];
}

TEST(Custom, SurrogateGradients) {
  const Tensor x = vec({-1, 0, 2});
  EXPECT_EQ(spike(x).to_vector<double>(), (Values{0, 0, 1}));
  EXPECT_FALSE(spike(x).is_tracked());
  const Tensor g = grad([](const Tensor& t) { return sum(spike(t)); }, x);
  const Tensor s = sigmoid(x);
  EXPECT_EQ(g.to_vector<double>(), (s * (1 - s)).to_vector<double>());
  // The rule is made of ops: its derivative is that of s (1 - s).
  const Fn slope = [](const Tensor& t) {
    return sum(grad([](const Tensor& r) { return sum(spike(r)); }, t));
  };
  const auto second = grad(slope, x).to_vector<double>();
  const auto expected = (s * (1 - s) * (1 - 2 * s)).to_vector<double>();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(second[i], expected[i], 1e-15);
}

TEST(Custom, StraightThrough) {
  const MultiFn forward = [](In in) { return std::vector<Tensor>{round(in[0])}; };
  const VjpRule pass = [](const VjpArgs& a) { return std::vector<Tensor>{a.cotangents[0]}; };
  const auto f = [&](const Tensor& x) { return sum(square(custom(forward, pass, {&x, 1})[0])); };
  EXPECT_EQ(grad(f, vec({1.4, -2.6})).to_vector<double>(), (Values{2, -6}));
  // Forward mode has no rule of its own: it transposes the backward one.
  const MultiFn many = [&](In in) { return custom(forward, pass, in); };
  const Tensor x = vec({1.4, -2.6}), v = vec({3, 5});
  EXPECT_EQ(jvp(many, {&x, 1}, {&v, 1}).tangents[0].to_vector<double>(), (Values{3, 5}));
}

TEST(Custom, RulesSeeInputsOutputsAndWhatIsNeeded) {
  const MultiFn forward = [](In in) { return std::vector<Tensor>{in[0] * in[1], exp(in[0])}; };
  int calls = 0;
  const VjpRule rule = [&calls](const VjpArgs& a) {
    ++calls;
    EXPECT_TRUE(a.needs(0));
    EXPECT_FALSE(a.needs(1));
    EXPECT_FALSE(a.cotangents[1].defined());  // the second output is not used
    EXPECT_TRUE(a.outputs[1].has_data());
    return std::vector<Tensor>{a.cotangents[0] * a.inputs[1], Tensor()};
  };
  const Tensor w = vec({5, 7});
  const auto f = [&](const Tensor& x) {
    const std::vector<Tensor> in = {x, w};
    return sum(custom(forward, rule, in)[0]);
  };
  EXPECT_EQ(grad(f, vec({1, 2})).to_vector<double>(), (Values{5, 7}));
  EXPECT_EQ(calls, 1);
}

TEST(Custom, RefusesRulesThatReturnSomethingElse) {
  const MultiFn forward = [](In in) { return std::vector<Tensor>{square(in[0])}; };
  const auto with = [&](VjpRule rule) {
    return [forward, rule](const Tensor& x) { return sum(custom(forward, rule, {&x, 1})[0]); };
  };
  const VjpRule few = [](const VjpArgs&) { return std::vector<Tensor>{}; };
  const VjpRule wrong = [](const VjpArgs&) { return std::vector<Tensor>{vec({1, 2, 3})}; };
  EXPECT_THROW(grad(with(few), vec({1, 2})), Error);
  try {
    grad(with(wrong), vec({1, 2}));
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("[3]"), std::string::npos) << e.what();
    EXPECT_NE(e.message().find("[2]"), std::string::npos) << e.what();
  }
}

// Guided backprop (Springenberg et al. 2015): a ReLU passes positive cotangents only, and only where
// it was on. The net, by hand: h = relu(W x), y = v . h.
class GuidedRelu : public ::testing::Test {
 protected:
  const Tensor w_ = Tensor::from<double>({1, 1, -1, 2, 1, -1}, Shape{3, 2});
  const Tensor v_ = vec({1, -1, 1});
  const Tensor x_ = vec({2, 1});  // W x = (3, 0, 1)
  Tensor net(const Tensor& x, const Tensor& scale = {}) const {
    const Tensor z = matmul(w_, x);
    return sum(v_ * relu(scale.defined() ? z + scale : z));
  }
  static Rules guided() {
    Rules rules;
    rules.set("relu", [](const VjpArgs& a) {
      return std::vector<Tensor>{
          where(gt(a.inputs[0], 0), relu(a.cotangents[0]), 0.0)};
    });
    return rules;
  }
};

TEST_F(GuidedRelu, ReplacesTheRule) {
  const Rules rules = guided();
  const Tensor shift = vec({0, 1, 0});  // all three units on: plain gradient w1 - w2 + w3
  const Fn f = [&](const Tensor& x) { return net(x, shift); };
  EXPECT_EQ(grad(f, x_).to_vector<double>(), (Values{3, -2}));
  // The second unit's cotangent is negative, so it is dropped.
  EXPECT_EQ(grad(f, x_, {.rules = &rules}).to_vector<double>(), (Values{2, 0}));
  // The model is as it was.
  EXPECT_EQ(grad(f, x_).to_vector<double>(), (Values{3, -2}));
}

TEST_F(GuidedRelu, WorksOnWhatWasTrackedWithSaveAll) {
  const Rules rules = guided();
  const Tensor kept = x_.track({.save_all = true});
  const Tensor y = net(kept, vec({0, 1, 0}));
  EXPECT_EQ(gradient(y, kept, {.rules = &rules}).to_vector<double>(), (Values{2, 0}));
  EXPECT_EQ(gradient(y, kept).to_vector<double>(), (Values{3, -2}));
}

// A rule that reads what the op itself does not keep: an Error that says so, not garbage.
TEST_F(GuidedRelu, NeedsSaveAllForWhatTheOpDoesNotKeep) {
  Rules rules;
  rules.set("add", [](const VjpArgs& a) {
    return std::vector<Tensor>{a.cotangents[0] * a.inputs[0], Tensor()};
  });
  const Tensor plain = x_.track(), kept = x_.track({.save_all = true});
  const auto f = [](const Tensor& t) { return sum(t + vec({10, 20})); };
  EXPECT_THROW(gradient(f(plain), plain, {.rules = &rules}), Error);
  EXPECT_EQ(gradient(f(kept), kept, {.rules = &rules}).to_vector<double>(), (Values{2, 1}));
}

TEST(Rules, KnowTheTable) {
  Rules rules;
  EXPECT_TRUE(rules.empty());
  EXPECT_THROW(rules.set("rellu", [](const VjpArgs&) { return std::vector<Tensor>{}; }), Error);
  EXPECT_EQ(rules.find(find_op("relu")), nullptr);
}

TEST(Taps, AreFoundByNameAndDifferentiated) {
  const Tensor x = vec({1, 2}).track();
  const Tensor h = tap(square(x), "hidden");
  const Tensor y = sum(tap(h * h, "top"));
  const auto found = taps(y);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first, "hidden");
  EXPECT_EQ(found[1].first, "top");
  const Tensor hidden = find_tap(y, "hidden");
  EXPECT_EQ(hidden.to_vector<double>(), (Values{1, 4}));
  // d sum(h^2) / dh = 2 h; and d/dx = 4 x^3 as ever.
  EXPECT_EQ(gradient(y, hidden).to_vector<double>(), (Values{2, 8}));
  EXPECT_EQ(gradient(y, x).to_vector<double>(), (Values{4, 32}));
}

TEST(Taps, CostNothingWhenNothingIsRecorded) {
  const Tensor x = vec({1, 2});
  EXPECT_TRUE(tap(x, "x").same_as(x));
}

TEST(Taps, UnknownNamesAreErrorsThatListTheKnown) {
  const Tensor x = vec({1, 2}).track();
  const Tensor y = sum(tap(x, "layer1.conv"));
  try {
    find_tap(y, "layer1.cnv");
    FAIL() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("layer1.cnv"), std::string::npos) << e.what();
    EXPECT_NE(e.message().find("layer1.conv"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("rules_test.cpp"), std::string::npos) << e.what();
  }
  EXPECT_THROW(find_tap(vec({1}), "layer1.conv"), Error);
}

TEST(Taps, KeepTheirNamesInTracedPrograms) {
  const TensorSpec spec{Shape{2}, DType::f64, {}};
  const auto graph = trace(
      [](In in) { return std::vector<Tensor>{square(tap(in[0], "input"))}; }, {&spec, 1});
  EXPECT_NE(graph->str().find("input"), std::string::npos) << graph->str();
}

}  // namespace
}  // namespace ingrad
