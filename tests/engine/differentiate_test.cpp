// SPDX-License-Identifier: Apache-2.0
// The transformations of functions against closed forms: grad, vjp, jvp, hvp, jacobian, and their
// compositions.
#include "engine/differentiate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad {
namespace {

using Values = std::vector<double>;
using In = std::span<const Tensor>;

Tensor vec(const Values& v) {
  return Tensor::from<double>(v, Shape{static_cast<std::int64_t>(v.size())});
}

void expect_near(const Tensor& got, const Values& expected, double tolerance = 1e-12) {
  const Values g = got.to_vector<double>();
  ASSERT_EQ(g.size(), expected.size());
  for (std::size_t i = 0; i < g.size(); ++i) {
    EXPECT_NEAR(g[i], expected[i], tolerance * std::max(1.0, std::abs(expected[i]))) << i;
  }
}

// The message of the Error that `body` throws, with its place.
template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& e) {
    return e.what();
  }
  ADD_FAILURE() << "expected an Error";
  return {};
}

// f(x, y) = sum(x^2 y): gradients 2 x y and x^2.
Tensor cubic(In in) { return sum(square(in[0]) * in[1]); }

TEST(Grad, OfOneAndOfSeveralInputs) {
  const Tensor x = vec({1, -2, 3}), y = vec({0.5, 4, -1});
  expect_near(grad([](const Tensor& t) { return sum(t * t * t); }, x), {3, 12, 27});
  const std::vector<Tensor> both = {x, y};
  const auto [value, grads] = value_and_grad(cubic, both);
  EXPECT_DOUBLE_EQ(value.item(), 0.5 + 16 - 9);
  expect_near(grads[0], {1, -16, -6});
  expect_near(grads[1], {1, 4, 9});
  EXPECT_FALSE(value.is_tracked());
  EXPECT_FALSE(grads[0].is_tracked());
}

TEST(Grad, NeedsOneElement) {
  const Tensor x = vec({1, 2});
  const std::string message = error_of([&] { grad([](const Tensor& t) { return t * 2; }, x); });
  EXPECT_NE(message.find("[2]"), std::string::npos) << message;
  EXPECT_NE(message.find("differentiate_test.cpp"), std::string::npos) << message;
  // Any shape of one element will do.
  expect_near(grad([](const Tensor& t) { return reshape(sum(t), {1, 1}); }, x), {1, 1});
}

TEST(Grad, OfUnusedInputsIsZero) {
  const std::vector<Tensor> in = {vec({1, 2}), Tensor::full(Shape{2, 3}, 5, DType::f32), vec({7})};
  const ScalarFn f = [](In t) { return sum(square(t[0])) + sum(t[2] * 0 + 1) * 0; };
  const auto grads = grad(f, in);
  expect_near(grads[0], {2, 4});
  EXPECT_EQ(grads[1].spec(), in[1].spec());
  expect_near(grads[1], Values(6, 0.0));
  expect_near(grads[2], {0});
  // A function of nothing tracked at all.
  expect_near(grad([](const Tensor&) { return Tensor::scalar(3, DType::f64); }, in[0]), {0, 0});
}

TEST(Grad, SumsOverEveryUse) {
  // x (x + x) = 2 x^2, by three paths.
  expect_near(grad([](const Tensor& x) { return sum(x * (x + x)); }, vec({1.5, -3})), {6, -12});
}

TEST(Grad, DetachedAndIntegerPathsCarryNothing) {
  const Tensor x = vec({3, 1, 2});
  expect_near(grad([](const Tensor& t) { return sum(t.detach() * t); }, x), {3, 1, 2});
  expect_near(grad([](const Tensor& t) { return sum(gather(t, 0, argmax(t, 0, true))); }, x),
              {1, 0, 0});
}

TEST(Grad, ThroughViewsAndBroadcasting) {
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 6}, Shape{2, 3});
  // The middle column, transposed, expanded to three rows, squared.
  const auto f = [](const Tensor& t) {
    const Tensor column = transpose(narrow(t, 1, 1, 1), 0, 1);
    return sum(square(expand(column, {3, 2})));
  };
  expect_near(grad(f, x), {0, 12, 0, 0, 30, 0});
  // [2, 3] * [3] * []: the gradient of a broadcast operand is summed.
  const std::vector<Tensor> in = {x, vec({1, 10, 100}), Tensor::scalar(2, DType::f64)};
  const auto grads = grad(ScalarFn([](In t) { return sum(t[0] * t[1] * t[2]); }), in);
  expect_near(grads[0], {2, 20, 200, 2, 20, 200});
  expect_near(grads[1], {10, 14, 18});
  expect_near(grads[2], {1 + 20 + 300 + 4 + 50 + 600});
  // Overlapping windows of one tensor.
  const auto overlap = [](const Tensor& t) {
    return sum(narrow(t, 0, 0, 2) * narrow(t, 0, 1, 2));
  };
  expect_near(grad(overlap, vec({2, 3, 5})), {3, 7, 3});
}

TEST(Grad, IsAFunctionOfTrackedTensors) {
  // d/dy of (d/dx of x^2 y) = 2 x, though the inner call does not name y.
  const Tensor x = vec({1, -2}), y = vec({3, 5});
  const auto inner = [&](const Tensor& t) {
    return sum(grad([&](const Tensor& s) { return sum(square(s) * t); }, x));
  };
  expect_near(grad(inner, y), {2, -4});
  // A leaf over a tracked tensor hands on what it receives.
  const Tensor outer = vec({2}).track();
  const Tensor leaf = (outer * 3).track();
  const Tensor z = sum(square(leaf));
  expect_near(gradient(z, leaf), {12});
  expect_near(gradient(z, outer), {36});
}

TEST(Grad, OfThirdOrder) {
  const Fn f = [](const Tensor& x) { return sum(pow(x, 5.0) + sin(x)); };
  const Fn first = [&](const Tensor& x) { return sum(grad(f, x)); };
  const Fn second = [&](const Tensor& x) { return sum(grad(first, x)); };
  const Values at = {0.5, -1, 2};
  Values expected;
  for (const double x : at) expected.push_back(60 * x * x - std::cos(x));
  expect_near(grad(second, vec(at)), expected);
  // The same by forward mode over reverse over reverse.
  const Tensor one = vec({1, 1, 1}), x = vec(at);
  const MultiFn twice = [&](In in) { return std::vector<Tensor>{grad(first, in[0])}; };
  expect_near(jvp(twice, {&x, 1}, {&one, 1}).tangents[0], expected);
}

TEST(Grad, ByTheTensorItselfAndByItsResults) {
  const Tensor x = vec({2, 3}).track();
  const Tensor h = square(x);
  const Tensor y = sum(h * h);
  const std::vector<Tensor> outputs = {y}, seeds = {Tensor::ones(Shape{}, DType::f64)};
  const std::vector<Tensor> wrt = {y, h, x, h};
  const auto grads = gradients(outputs, seeds, wrt);
  expect_near(grads[0], {1});
  expect_near(grads[1], {8, 18});
  expect_near(grads[2], {32, 108});
  expect_near(grads[3], {8, 18});
}

TEST(Grad, ErrorsNameWhatWasWrong) {
  const Tensor x = vec({1, 2}).track();
  const Tensor y = square(x), plain = vec({1, 2});
  const std::vector<Tensor> outputs = {y};
  const auto with = [&](const Tensor& seed, const Tensor& wrt) {
    return error_of([&] { gradients(outputs, std::vector<Tensor>{seed}, std::vector<Tensor>{wrt}); });
  };
  EXPECT_NE(with(plain, plain).find("track"), std::string::npos);
  EXPECT_NE(with(vec({1}), x).find("[1]"), std::string::npos);
  EXPECT_NE(with(Tensor::ones(Shape{2}), x).find("f32"), std::string::npos);
  error_of([&] { gradients(outputs, {}, {&x, 1}); });
  error_of([&] { gradient(y, x); });
}

// f(x, w) = (x w, x^2) has J known by hand.
std::vector<Tensor> pair(In in) { return {in[0] * in[1], square(in[0])}; }

TEST(Vjp, AndJvpAreTheRowsAndColumnsOfTheJacobian) {
  const std::vector<Tensor> in = {vec({1, 2}), vec({3, -1})};
  const std::vector<Tensor> u = {vec({1, 10}), vec({100, 1000})};
  const auto [values, cotangents] = vjp(pair, in, u);
  expect_near(values[0], {3, -2});
  expect_near(values[1], {1, 4});
  expect_near(cotangents[0], {3 + 200, -10 + 4000});
  expect_near(cotangents[1], {1, 20});
  const std::vector<Tensor> v = {vec({1, 10}), vec({100, 1000})};
  const auto [same, tangents] = jvp(pair, in, v);
  expect_near(same[0], {3, -2});
  expect_near(tangents[0], {3 + 100, -10 + 2000});
  expect_near(tangents[1], {2, 40});
}

TEST(Vjp, UndefinedDirectionsAreZero) {
  const std::vector<Tensor> in = {vec({1, 2}), vec({3, -1})};
  const std::vector<Tensor> u = {Tensor(), vec({1, 1})}, v = {Tensor(), vec({1, 1})};
  const auto back = vjp(pair, in, u).cotangents;
  expect_near(back[0], {2, 4});
  expect_near(back[1], {0, 0});
  const auto forward = jvp(pair, in, v).tangents;
  expect_near(forward[0], {1, 2});
  expect_near(forward[1], {0, 0});
}

TEST(Vjp, ErrorsNameWhatWasWrong) {
  const std::vector<Tensor> in = {vec({1, 2}), vec({3, -1})};
  const std::vector<Tensor> one = {vec({1, 2})}, bad = {vec({1, 2}), vec({1, 2, 3})};
  error_of([&] { vjp(pair, in, one); });
  error_of([&] { jvp(pair, in, one); });
  EXPECT_NE(error_of([&] { vjp(pair, in, bad); }).find("[3]"), std::string::npos);
  EXPECT_NE(error_of([&] { jvp(pair, in, bad); }).find("[3]"), std::string::npos);
  const Tensor leaf = vec({1}).track();
  const Tensor y = exp(leaf), direction = vec({1});
  const std::string message =
      error_of([&] { pushforward({&y, 1}, {&leaf, 1}, {&direction, 1}); });
  EXPECT_NE(message.find("save_all"), std::string::npos) << message;
}

TEST(Vjp, IsDifferentiableInTheCotangent) {
  // u -> u^T J is linear: its derivative in the direction du is du^T J.
  const std::vector<Tensor> in = {vec({1, 2}), vec({3, -1})};
  const MultiFn pull = [&](In u) { return vjp(pair, in, u).cotangents; };
  const std::vector<Tensor> u = {vec({5, 6}), vec({7, 8})}, du = {vec({1, 10}), vec({100, 1000})};
  const auto tangents = jvp(pull, u, du).tangents;
  expect_near(tangents[0], {203, 3990});
  expect_near(tangents[1], {1, 20});
}

TEST(Hvp, IsTheHessianTimesTheVector) {
  // f = x0^2 x1 + x1^3: H = [[2 x1, 2 x0], [2 x0, 6 x1]].
  const ScalarFn f = [](In in) {
    const Tensor a = narrow(in[0], 0, 0, 1), b = narrow(in[0], 0, 1, 1);
    return sum(square(a) * b + b * b * b);
  };
  const Tensor x = vec({2, 3}), v = vec({1, 10});
  expect_near(hvp(f, {&x, 1}, {&v, 1})[0], {6 + 40, 4 + 180});
  // Across inputs: cubic has H_xy = 2 x, H_xx = 2 y.
  const std::vector<Tensor> in = {vec({1, -2}), vec({3, 5})}, t = {vec({1, 1}), vec({10, 100})};
  const auto h = hvp(cubic, in, t);
  expect_near(h[0], {6 + 20, 10 - 400});
  expect_near(h[1], {2, -4});
  // Linear functions have none.
  const ScalarFn linear_one = [](In l) { return sum(l[0] * 3); };
  expect_near(hvp(linear_one, {&x, 1}, {&v, 1})[0], {0, 0});
}

TEST(Jacobian, HasTheShapeOfOutputThenInput) {
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 6}, Shape{2, 3});
  const Tensor w = Tensor::from<double>({1, 0, -1, 2, 1, 0}, Shape{2, 3});
  const Tensor j = jacobian([&](const Tensor& t) { return linear(t, w); }, x);
  EXPECT_EQ(j.shape(), (Shape{2, 2, 2, 3}));
  expect_near(select(select(j, 0, 1), 0, 0), {0, 0, 0, 1, 0, -1});
  expect_near(select(select(j, 0, 0), 0, 1), {2, 1, 0, 0, 0, 0});
  const Tensor diagonal = jacobian([](const Tensor& t) { return square(t); }, vec({1, 2, 3}));
  expect_near(diagonal, {2, 0, 0, 0, 4, 0, 0, 0, 6});
  EXPECT_EQ(jacobian([](const Tensor& t) { return sum(t); }, x).shape(), (Shape{2, 3}));
  EXPECT_EQ(jacobian([](const Tensor& t) { return narrow(t, 0, 0, 0); }, x).shape(),
            (Shape{0, 3, 2, 3}));
  // In f32, and for outputs that do not depend on the input.
  const Tensor constant = jacobian([](const Tensor&) { return Tensor::ones(Shape{2}); },
                                   Tensor::ones(Shape{3}));
  EXPECT_EQ(constant.spec(), (TensorSpec{Shape{2, 3}, DType::f32, {}}));
  expect_near(constant, Values(6, 0.0));
}

TEST(Jacobian, OfAGradientIsTheHessian) {
  const ScalarFn f = [](In in) { return sum(in[0] * in[0] * in[0]) * sum(in[0]); };
  const Fn slope = [&](const Tensor& x) { return grad(f, {&x, 1})[0]; };
  // f = p s: H = 6 diag(x) s + 3 x^2 1^T + 1 (3 x^2)^T.
  const Values x = {1, 2};
  const Values expected = {6 * 1 * 3 + 3 + 3, 3 + 12, 12 + 3, 6 * 2 * 3 + 12 + 12};
  expect_near(jacobian(slope, vec(x)), expected);
}

// 100,000 calls deep: no step of recording, differentiation or release may recurse.
TEST(DeepChains, DoNotNeedStack) {
  constexpr int kDepth = 100000;
  const auto chain = [](const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < kDepth; ++i) y = y * 1.00001;
    return sum(y);
  };
  const Tensor x = vec({2});
  const double factor = std::pow(1.00001, kDepth);
  expect_near(grad(chain, x), {factor}, 1e-9);
  const MultiFn f = [&](In in) { return std::vector<Tensor>{chain(in[0])}; };
  const Tensor one = vec({1});
  expect_near(jvp(f, {&x, 1}, {&one, 1}).tangents[0], {factor}, 1e-9);
  // The gradient of a gradient, whose recorded backward pass is as deep again.
  const Fn slope = [&](const Tensor& t) {
    return sum(square(grad([&](const Tensor& s) { return square(chain(s)); }, t)));
  };
  // (2 f f')^2 with f = c x: derivative 8 c^4 x.
  expect_near(grad(slope, x), {8 * std::pow(factor, 4) * 2}, 1e-8);
}

}  // namespace
}  // namespace ingrad
