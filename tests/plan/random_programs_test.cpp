// SPDX-License-Identifier: Apache-2.0
// Random programs and their gradients as plans, with every pass on and off: what plans compute is
// what ops compute, whatever meets what.
#include <cstdlib>
#include <random>

#include "engine/differentiate.h"
#include "engine/ops/concat.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/norm.h"
#include "engine/ops/pool.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/ops/softmax.h"
#include "engine/plan/plan.h"
#include "engine/random.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

// One random function of rows [N, 4, 8, 8]: which ops it calls on what depends on the seed alone.
class RandomFunction {
 public:
  explicit RandomFunction(std::uint64_t seed) : seed_(seed) {}

  // A tensor with one row for each of x's.
  Tensor operator()(const Tensor& x) const {
    std::mt19937_64 bits(seed_);
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(bits() % n); };
    std::vector<Tensor> values = {x};
    const std::size_t length = 3 + below(12);
    for (std::size_t i = 0; i < length; ++i) {
      // The last value is taken often, so that programs are deep as well as wide.
      const Tensor& a = below(3) > 0 ? values.back() : values[below(values.size())];
      const Tensor& b = values[below(values.size())];
      const std::size_t op = below(16);
      values.push_back(step(a, b, op, 1000 * seed_ + i));
    }
    return values.back();
  }

 private:
  static Tensor constant(const Shape& shape, std::uint64_t seed, double scale = 0.5) {
    return random_normal(shape, {.seed = seed}, 0, scale);
  }

  static Tensor step(const Tensor& a, const Tensor& b, std::size_t op, std::uint64_t seed) {
    const bool image = a.rank() == 4;
    const bool pairs = a.shape() == b.shape();
    const auto channels = a.rank() > 1 ? a.dim(1) : 0;
    switch (op) {
      case 0: return relu(a);
      case 1: return tanh(a);
      case 2: return pairs ? a + b : a * 0.5;
      case 3: return pairs ? a * sigmoid(b) : gelu(a);
      case 4: return pairs ? maximum(a, b) : abs(a);
      case 5:
        if (image)
          return relu(conv2d(a, constant({6, channels, 3, 3}, seed), {}, {.padding = {1}}));
        if (a.rank() == 2)
          return relu(linear(a, constant({7, channels}, seed), constant({7}, seed)));
        return square(a) * 0.1;
      case 6:
        if (image) {
          return conv2d(a, constant({channels, channels, 3, 3}, seed), constant({channels}, seed),
                        {.padding = {1}});
        }
        return -a;
      case 7:
        if (image) return conv2d(a, constant({5, channels, 1, 1}, seed), {}, {.stride = {2}});
        return a.rank() == 2 ? matmul(a, constant({channels, 3}, seed)) : a + 0.25;
      case 8:
      case 9:
        if (a.rank() < 2) return softplus(a);
        return batch_norm_eval(a, constant({channels}, seed),
                               abs(constant({channels}, seed + 1)) + 0.5,
                               constant({channels}, seed + 2), constant({channels}, seed + 3));
      case 10:
        if (image && a.dim(2) > 1 && a.dim(3) > 1) return max_pool2d(a, {2});
        return a.rank() > 1 ? softmax(a, -1) : a;
      case 11: return a.rank() > 2 ? flatten(a, 1) : relu(a - 0.1);
      case 12: return a.rank() > 1 ? sum(a, {a.rank() - 1}, true) * 0.2 : a;
      case 13: return pairs && a.rank() > 1 ? concat({a, b}, 1) : relu(a);
      case 14: return channels > 1 ? narrow(a, 1, 1, channels - 1) : a;
      default: return image ? permute(a, {0, 1, 3, 2}) : a * a;
    }
  }

  std::uint64_t seed_;
};

void check(std::uint64_t seed) {
  const RandomFunction f(seed);
  const auto value_and_gradient = [&](std::span<const Tensor> in) {
    const Tensor x = in[0].track(), y = f(x);
    const Tensor total = sum(y), one = Tensor::scalar(1);
    return std::vector{y.detach(), gradients({&total, 1}, {&one, 1}, {&x, 1})[0]};
  };
  const Shape sample{4, 8, 8};
  const TensorSpec spec{sample.with_inserted(0, 8), DType::f32, {}};
  std::vector<std::vector<std::string>> choices = {{}, {"fold_batch_norm", "winograd"}};
  for (const std::string_view pass : pass_names()) {
    choices.push_back({"fold_batch_norm", "winograd", std::string(pass)});
  }
  const std::vector<Tensor> inputs = {
      random_normal(sample.with_inserted(0, 5), {.seed = seed + 7})};
  const auto expected = value_and_gradient(inputs);
  for (const auto& without : choices) {
    const auto plan = compile(value_and_gradient, {&spec, 1}, {.without = without, .poison = true});
    Workspace workspace(plan, 2);
    const auto got = workspace.run(inputs);
    std::string what = "seed " + std::to_string(seed) + " without";
    for (const std::string& pass : without) what += " " + pass;
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (without.empty()) {
        EXPECT_LE(worst_error(got[i], expected[i], 1e-3), 1e-4) << what;
      } else {
        // A gradient of zero may have either sign.
        EXPECT_EQ(worst_error(got[i], expected[i]), 0) << what << " output " << i;
      }
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(RandomPrograms, ArePlannedAsTheyRun) {
  // INGRAD_RANDOM_PROGRAMS=1000 for a long run.
  const char* wanted = std::getenv("INGRAD_RANDOM_PROGRAMS");
  const int count = wanted != nullptr ? std::atoi(wanted) : 60;
  for (int seed = 1; seed <= count; ++seed) {
    check(static_cast<std::uint64_t>(seed));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace ingrad
