// SPDX-License-Identifier: Apache-2.0
// Whole nets: outputs and input gradients have the same bits for any number of threads, any split of
// the batch and on repetition; tensors and programs may be used from several threads at once.
#include <gtest/gtest.h>

#include <thread>

#include "engine/differentiate.h"
#include "engine/graph.h"
#include "engine/ops/concat.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/losses.h"
#include "engine/ops/matmul.h"
#include "engine/ops/norm.h"
#include "engine/ops/pool.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/ops/softmax.h"
#include "engine/parallel.h"
#include "engine/random.h"
#include "engine/storage.h"

namespace ingrad {
namespace {

using In = std::span<const Tensor>;

Tensor noise(std::uint64_t seed, const Shape& shape, double scale, DType dtype = DType::f32) {
  return random_normal(shape, {seed, 17}, 0, scale, dtype);
}

// [N, 70] to [N, 10], wide enough for several panels of the matrix kernel.
Fn mlp(DType t) {
  const Tensor w1 = noise(1, {130, 70}, 0.1, t), b1 = noise(2, {130}, 0.1, t);
  const Tensor w2 = noise(3, {67, 130}, 0.1, t), w3 = noise(4, {10, 67}, 0.1, t);
  const Tensor gamma = noise(5, {67}, 1, t), beta = noise(6, {67}, 1, t);
  return [=](const Tensor& x) {
    const Tensor h = layer_norm(linear(gelu(linear(x, w1, b1)), w2), {67}, gamma, beta);
    return log_softmax(linear(silu(h), w3), 1);
  };
}

// [N, 3, 17, 15] to [N, 5]: a strided, a grouped and a plain convolution, both kinds of pooling.
Fn conv_net(DType t) {
  const Tensor k1 = noise(11, {12, 3, 3, 3}, 0.3, t), k2 = noise(12, {16, 6, 3, 3}, 0.2, t);
  const Tensor k3 = noise(13, {9, 16, 1, 1}, 0.3, t), b = noise(14, {12}, 0.1, t);
  const Tensor mean = noise(15, {16}, 0.1, t), variance = square(noise(16, {16}, 1, t)) + 0.5;
  const Tensor w = noise(17, {5, 36}, 0.2, t);
  return [=](const Tensor& x) {
    Tensor h = relu(conv2d(x, k1, b, {.stride = {2, 2}, .padding = {1, 1}}));
    h = batch_norm_eval(conv2d(h, k2, {}, {.padding = {1, 1}, .groups = 2}), mean, variance);
    h = avg_pool2d(max_pool2d(leaky_relu(h), {2, 2}), {2, 2});
    return linear(flatten(tanh(conv2d(h, k3)), 1), w);
  };
}

// Outputs and the gradient of the sum of squares with respect to the input.
std::vector<Tensor> evaluate(const Fn& net, const Tensor& x) {
  const Tensor leaf = x.track();
  const Tensor y = net(leaf);
  return {y.detach(), gradient(sum(square(y)), leaf)};
}

struct Net {
  const char* name;
  Fn (*make)(DType);
  Shape row;
};
const Net kNets[] = {{"mlp", mlp, {70}}, {"conv_net", conv_net, {3, 17, 15}}};

void expect_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b,
                 const std::string& what) {
  for (std::size_t k = 0; k < a.size(); ++k) {
    ASSERT_EQ(a[k].spec(), b[k].spec()) << what;
    const auto x = a[k].to_vector<double>(), y = b[k].to_vector<double>();
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(x[i], y[i]) << what << ": " << (k == 0 ? "output" : "gradient") << " element " << i;
    }
  }
}

TEST(NetsThreads, SameBitsForAnyThreadsAndSplits) {
  constexpr std::int64_t kRows = 23;
  set_min_cost_per_thread(1);
  for (const Net& net : kNets) {
    for (const DType t : {DType::f32, DType::f64}) {
      const Fn f = net.make(t);
      const Tensor x = noise(31, net.row.with_inserted(0, kRows), 1, t);
      for (const std::string_view isa : kernels::supported_isas()) {
        ASSERT_TRUE(kernels::force_isa(isa));
        const std::string what = std::string(net.name) + " " + std::string(name_of(t)) + " " +
                                 std::string(isa);
        set_threads(1);
        const auto whole = evaluate(f, x);
        for (const int n : {1, 2, 3}) {
          set_threads(n);
          expect_same(evaluate(f, x), whole, what + " on " + std::to_string(n) + " threads");
          for (const std::int64_t size : {1, 7, 16}) {
            std::vector<Tensor> outputs, gradients;
            for (const Tensor& part : split_every(x, size)) {
              auto result = evaluate(f, part);
              outputs.push_back(result[0]);
              gradients.push_back(result[1]);
            }
            expect_same({concat(outputs), concat(gradients)}, whole,
                        what + " in batches of " + std::to_string(size) + " on " +
                            std::to_string(n) + " threads");
          }
          if (HasFatalFailure()) break;
        }
      }
    }
  }
  kernels::force_isa("auto");
  set_threads(0);
  set_min_cost_per_thread(0);
}

// Runs body(0) and body(1) on two threads, several times each.
template <class Body>
void concurrently(Body body) {
  const auto work = [&](int who) {
    for (int i = 0; i < 8; ++i) body(who);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
}

TEST(Concurrent, UseOfSharedTensors) {
  const Fn f = mlp(DType::f32), g = conv_net(DType::f32);
  const Tensor x = noise(32, {9, 70}, 1), images = noise(33, {4, 3, 17, 15}, 1);
  const auto expected = evaluate(f, x), expected_images = evaluate(g, images);
  std::vector<Tensor> found[2], found_images[2];
  concurrently([&](int who) {
    const auto i = static_cast<std::size_t>(who);
    found[i] = evaluate(f, x);
    found_images[i] = evaluate(g, images);
  });
  for (int who = 0; who < 2; ++who) {
    expect_same(found[who], expected, "mlp");
    expect_same(found_images[who], expected_images, "conv_net");
  }
}

// Both threads go back through one recording.
TEST(Concurrent, DifferentiationOfOneRecording) {
  const Tensor x = noise(34, {9, 70}, 1).track();
  const Tensor y = sum(square(mlp(DType::f32)(x)));
  const Tensor expected = gradient(y, x);
  Tensor found[2], second[2];
  concurrently([&](int who) {
    found[who] = gradient(y, x);
    second[who] = gradient(sum(square(gradient(y, x, {.create_graph = true}))), x);
  });
  expect_same({found[0]}, {expected}, "gradient");
  expect_same({found[1]}, {expected}, "gradient");
  expect_same({second[0]}, {second[1]}, "gradient of gradient");
}

TEST(Concurrent, RunsOfOneProgram) {
  const Fn f = conv_net(DType::f32);
  const Tensor images = noise(35, {4, 3, 17, 15}, 1);
  const TensorSpec spec = images.spec();
  const auto program = trace([&](In in) { return evaluate(f, in[0]); }, {&spec, 1});
  const auto expected = evaluate(f, images);
  std::vector<Tensor> found[2];
  concurrently([&](int who) { found[who] = program->run({&images, 1}); });
  expect_same(found[0], expected, "first thread");
  expect_same(found[1], expected, "second thread");
}

// Tensors made in one thread and released in another share one cache of memory.
TEST(Concurrent, MemoryCache) {
  const auto round = [] {
    std::vector<Tensor> made[2];
    concurrently([&](int who) {
      for (std::int64_t n = 1; n < 2000; n = n * 3 + 1) {
        made[who].push_back(Tensor::full(Shape{n}, who));
      }
      if (who == 1) made[who].clear();
    });
    for (const Tensor& t : made[0]) {
      EXPECT_EQ(sum(ne(t, 0)).item(), 0) << t.spec().str();
    }
    made[0].clear();
    return memory_stats().live;
  };
  const std::int64_t first = round();  // what threads keep as working memory is there by now
  EXPECT_EQ(round(), first);
}

}  // namespace
}  // namespace ingrad
