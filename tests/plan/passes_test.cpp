// SPDX-License-Identifier: Apache-2.0
// What single passes make of programs that were written for them: the calls that are left, and the
// same values.
#include <gmock/gmock.h>

#include "engine/differentiate.h"
#include "engine/ops/attention.h"
#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/norm.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/plan/plan.h"
#include "engine/random.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

using testing::HasSubstr;
using testing::Not;

Tensor noise(const Shape& shape, std::uint64_t seed, DType dtype = DType::f32) {
  return cast(random_normal(shape, {.seed = seed}), dtype);
}

using Function = std::function<Tensor(const Tensor&)>;

// f and the gradient of its sum of squares.
GraphFn with_gradient(const Function& f) {
  return [f](std::span<const Tensor> in) {
    const Tensor x = in[0].track(), y = f(x);
    return std::vector{y.detach(), gradient(sum(square(y)), x)};
  };
}

// The program of a plan, which is held to what the function itself gives.
std::string planned(const GraphFn& f, const Tensor& x, double tolerance) {
  const TensorSpec spec = x.spec();
  const auto plan = compile(f, {&spec, 1}, {.poison = true});
  const auto expected = f({&x, 1});
  const auto got = Workspace(plan).run({&x, 1});
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_LE(worst_error(got[i], expected[i], 1e-3), tolerance) << i;
  }
  return plan->program().str();
}

// ---- epilogues --------------------------------------------------------------------------------
struct SmoothActivation {
  const char* name;
  Tensor (*f)(const Tensor&);
};
const SmoothActivation kSmooth[] = {
    {"gelu", [](const Tensor& x) { return gelu(x); }},
    {"gelu_tanh", [](const Tensor& x) { return gelu_tanh(x); }},
    {"silu", [](const Tensor& x) { return silu(x); }},
};

TEST(FuseEpilogues, SmoothActivationsLeaveTheirSlope) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const auto& [name, f] : kSmooth) {
      // Odd sizes; a few rows and many.
      for (const std::int64_t rows : {1, 5, 67}) {
        const Tensor w = noise({37, 21}, 1, dtype), b = noise({37}, 2, dtype);
        const Tensor v = noise({5, 37}, 3, dtype);
        const auto net = [&, g = f](const Tensor& x) { return linear(g(linear(x, w, b)), v); };
        const Tensor x = noise({rows, 21}, 4, dtype);
        const std::string program = planned(with_gradient(net), x, 0);
        EXPECT_THAT(program, HasSubstr(std::string("activation=") + name + ", slope=true"));
        EXPECT_THAT(program, HasSubstr("factor=true"));
        EXPECT_THAT(program, Not(HasSubstr(std::string(name) + ".d0(")));
        const std::string forward =
            planned([&](std::span<const Tensor> in) { return std::vector{net(in[0])}; }, x, 0);
        EXPECT_THAT(forward, HasSubstr(std::string("activation=") + name));
        EXPECT_THAT(forward, Not(HasSubstr("slope")));
      }
    }
  }
}

TEST(FuseEpilogues, ArgumentsThatOthersReadStay) {
  const Tensor w = noise({6, 4}, 1);
  const auto twice = [&](const Tensor& x) {
    const Tensor z = linear(x, w);
    return gelu(z) * z;
  };
  EXPECT_THAT(planned(with_gradient(twice), noise({3, 4}, 2), 0), Not(HasSubstr("slope")));
  // Second derivatives read the argument as well.
  const GraphFn second = [&](std::span<const Tensor> in) {
    const Tensor x = in[0].track();
    const Tensor g = gradient(sum(gelu(linear(x, w))), x, {.create_graph = true});
    return std::vector{gradient(sum(square(g)), x)};
  };
  EXPECT_THAT(planned(second, noise({3, 4}, 3), 1e-6), Not(HasSubstr("slope")));
}

TEST(FuseEpilogues, SlopeMultipliesWhatIsNoProduct) {
  const Tensor w = noise({6, 4}, 1), c = noise({6}, 2);
  const auto net = [&](const Tensor& x) { return gelu(linear(x, w)) * c; };
  const std::string program = planned(with_gradient(net), noise({3, 4}, 3), 0);
  EXPECT_THAT(program, HasSubstr("slope=true"));
  EXPECT_THAT(program, Not(HasSubstr("gelu.d0(")));
}

// ---- prune ------------------------------------------------------------------------------------
// A transformer's block on [N, L, 12].
struct Block {
  Tensor operator()(const Tensor& x) const {
    const std::int64_t n = x.dim(0), length = x.dim(1);
    const Tensor qkv =
        reshape(linear(layer_norm(x, {12}, gain, shift), in), Shape{n, length, 6, 6});
    const Tensor heads = self_attention(qkv, 2, {.causal = causal});
    const Tensor h = x + linear(reshape(heads, Shape{n, length, 12}), out);
    return h + linear(gelu(linear(layer_norm(h, {12}, gain, shift), up)), down);
  }
  bool causal = false;
  Tensor gain = noise({12}, 11), shift = noise({12}, 12), in = noise({36, 12}, 13),
         out = noise({12, 12}, 14), up = noise({24, 12}, 15), down = noise({12, 24}, 16);
};

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Prune, LastBlockOfOneToken) {
  for (const bool causal : {false, true}) {
    const Block block{causal};
    for (const std::int64_t token : {0, 3, 6}) {
      const auto net = [&](const Tensor& x) { return select(block(block(x)), 1, token); };
      const std::string program = planned(with_gradient(net), noise({2, 7, 12}, 17), 1e-5);
      // The second block's rows are wide for one token, the first block's for all.
      EXPECT_GT(count(program, "f32[2, 1, 24]"), 0) << program;
      EXPECT_EQ(count(program, "f32[2, 7, 24]"), 2 + 1) << program;  // value, slope, gradient
      EXPECT_GT(count(program, "f32[2, 1, 2, 6] = attention("), 0) << program;
    }
  }
}

TEST(Prune, SeveralTokensWhereNothingIsHidden) {
  const auto some = [](bool causal) {
    return [block = Block{causal}](const Tensor& x) { return narrow(block(x), 1, 2, 3); };
  };
  EXPECT_THAT(planned(with_gradient(some(false)), noise({2, 7, 12}, 17), 1e-5),
              HasSubstr("f32[2, 3, 2, 6] = attention("));
  // Three queries of a causal mask start at different keys: all are computed, and then few used.
  const std::string causal = planned(with_gradient(some(true)), noise({2, 7, 12}, 17), 1e-5);
  EXPECT_THAT(causal, HasSubstr("f32[2, 7, 2, 6] = attention("));
  EXPECT_GT(count(causal, "f32[2, 3, 24]"), 0);
}

TEST(Prune, WhatIsReadTwiceStaysWhole) {
  const Tensor w = noise({5, 4}, 1);
  const auto net = [&](const Tensor& x) {
    const Tensor h = tanh(linear(x, w));
    return concat({narrow(h, 1, 0, 2), narrow(h, 1, 3, 2)}, 1);
  };
  EXPECT_THAT(planned(with_gradient(net), noise({2, 6, 4}, 2), 0), HasSubstr("f32[2, 6, 5]"));
}

TEST(Prune, BroadcastOperandsKeepTheirExtent) {
  const Tensor w = noise({5, 4}, 1), position = noise({6, 5}, 2), shift = noise({5}, 3);
  const auto net = [&](const Tensor& x) {
    return narrow(relu(linear(x, w) * position + shift), 1, 4, 1);
  };
  EXPECT_THAT(planned(with_gradient(net), noise({3, 6, 4}, 4), 0), Not(HasSubstr("[3, 6, 5]")));
}

}  // namespace
}  // namespace ingrad
