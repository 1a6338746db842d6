// SPDX-License-Identifier: Apache-2.0
// checkpoint: the same values and derivatives as the plain computation, from less memory.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"

namespace ingrad {
namespace {

using In = std::span<const Tensor>;

// Deterministic values without a generator.
Tensor wave(const Shape& shape, double phase, double scale = 1) {
  std::vector<double> v(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < v.size(); ++i) {
    v[i] = scale * std::sin(0.7 * static_cast<double>(i) + phase);
  }
  return Tensor::from<double>(v, shape);
}

// Two layers of x with the weights w; the block that is checkpointed.
std::vector<Tensor> block(In in) {
  return {tanh(matmul(tanh(matmul(in[0], in[1])), in[1]))};
}

Tensor plain_net(In in) {
  Tensor h = in[0];
  for (std::size_t i = 1; i < in.size(); ++i) h = block(std::vector<Tensor>{h, in[i]})[0];
  return sum(square(h));
}

Tensor checkpointed_net(In in) {
  Tensor h = in[0];
  for (std::size_t i = 1; i < in.size(); ++i) h = checkpoint(block, std::vector<Tensor>{h, in[i]})[0];
  return sum(square(h));
}

std::vector<Tensor> inputs() {
  return {wave({3, 4}, 0.1), wave({4, 4}, 0.5, 0.6), wave({4, 4}, 1.5, 0.6)};
}

void expect_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].to_vector<double>(), b[i].to_vector<double>()) << i;
  }
}

void expect_close(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = a[i].to_vector<double>(), y = b[i].to_vector<double>();
    for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(x[k], y[k], 1e-12) << i << " " << k;
  }
}

TEST(Checkpoint, HasTheSameValuesAndGradients) {
  const auto in = inputs();
  const auto plain = value_and_grad(plain_net, in), saved = value_and_grad(checkpointed_net, in);
  EXPECT_EQ(plain.value.item(), saved.value.item());
  expect_same(plain.grads, saved.grads);
}

TEST(Checkpoint, HasTheSameSecondDerivatives) {
  const auto in = inputs();
  const auto penalty = [](Tensor (*net)(In)) {
    return ScalarFn([net](In x) {
      Tensor s;
      for (const Tensor& g : grad(ScalarFn(net), x)) {
        s = s.defined() ? s + sum(square(g)) : sum(square(g));
      }
      return s;
    });
  };
  expect_close(grad(penalty(plain_net), in), grad(penalty(checkpointed_net), in));
  const std::vector<Tensor> v = {wave({3, 4}, 2), wave({4, 4}, 3), wave({4, 4}, 4)};
  expect_close(hvp(plain_net, in, v), hvp(checkpointed_net, in, v));
}

// What f captures cannot be differentiated by a rule that sees inputs only. Silently wrong gradients
// would be the result, so it is an Error.
TEST(Checkpoint, RefusesTrackedTensorsThatAreNotInputs) {
  const Tensor x = wave({3, 4}, 0.1), w = wave({4, 4}, 0.5);
  const auto captured = [&](const Tensor& weight, const Tensor& in) {
    const MultiFn f = [weight](In t) { return std::vector<Tensor>{tanh(matmul(t[0], weight))}; };
    return checkpoint(f, {&in, 1})[0];
  };
  for (const Tensor& in : {x, x.track()}) {
    try {
      captured(w.track(), in);
      ADD_FAILURE() << "expected an Error";
    } catch (const Error& e) {
      EXPECT_NE(e.message().find("inputs"), std::string::npos) << e.what();
    }
  }
  // Constants may be captured.
  const Fn plain = [&](const Tensor& t) { return sum(tanh(matmul(t, w))); };
  expect_same({grad([&](const Tensor& t) { return sum(captured(w, t)); }, x)}, {grad(plain, x)});
}

TEST(Checkpoint, KeepsInputsOnly) {
  constexpr int kLayers = 12;
  const Shape shape{1024, 64};
  const std::int64_t bytes = shape.size() * 8;
  // The derivative of tanh keeps its output.
  const MultiFn layer = [](In in) {
    return std::vector<Tensor>{tanh(tanh(tanh(tanh(tanh(in[0])))))};
  };
  const auto live_after_forward = [&](bool save) {
    const Tensor x = Tensor::full(shape, 0.3, DType::f64).track();
    const std::int64_t before = memory_stats().live;
    Tensor h = x;
    for (int i = 0; i < kLayers; ++i) {
      h = save ? checkpoint(layer, std::vector<Tensor>{h})[0] : layer(std::vector<Tensor>{h})[0];
    }
    const Tensor loss = sum(h);
    const std::int64_t live = memory_stats().live - before;
    reset_memory_peak();
    const Tensor g = gradient(loss, x);
    return std::pair{live, memory_stats().peak - before};
  };
  const auto [plain_live, plain_peak] = live_after_forward(false);
  const auto [saved_live, saved_peak] = live_after_forward(true);
  EXPECT_GE(plain_live, 5 * kLayers * bytes);
  EXPECT_LE(saved_live, (kLayers + 1) * bytes);
  EXPECT_LT(saved_peak, plain_peak / 2);
}

}  // namespace
}  // namespace ingrad
