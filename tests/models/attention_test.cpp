// SPDX-License-Identifier: Apache-2.0
// Attention and the layers around it: against plain loops and each other, what is refused, dropout,
// and the weights on request.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "engine/differentiate.h"
#include "engine/gradcheck.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "models/layers/conv.h"
#include "models/layers/layer_norm.h"
#include "models/layers/multi_head_attention.h"
#include "models/layers/patch_embedding.h"
#include "models/layers/position_embedding.h"
#include "models/layers/sequential.h"
#include "models/layers/transformer_block.h"
#include "tests/models/expect_message.h"

namespace ingrad {
namespace {

using Doubles = std::vector<double>;

Tensor noise(const Shape& shape, std::uint64_t stream = 1, DType dtype = DType::f64) {
  return random_normal(shape, {21, stream, 0, 0}, 0, 1, dtype);
}

// All parameters at random, biases too.
void randomize(const Module& module) {
  for (const auto& [name, tensor] : module.parameters()) {
    tensor.assign(noise(tensor.shape(), stream_of(name), tensor.dtype()));
  }
}

std::string state_of(const Module& m) {
  std::string all;
  for (const auto& [name, tensor] : m.state()) {
    all += (all.empty() ? "" : " ") + name + tensor.shape().str();
  }
  return all;
}

double difference(const Tensor& a, const Tensor& b) { return amax(abs(a - b)).item(); }

struct Values {
  std::map<std::string, Doubles> of;
  explicit Values(const Module& m) {
    for (const auto& [name, tensor] : m.state()) of[name] = tensor.to_vector<double>();
  }
  // Row `row` of weight times x, plus bias.
  double linear(const std::string& weight, const std::string& bias, std::int64_t row,
                const double* x, std::int64_t width) const {
    double y = bias.empty() ? 0 : of.at(bias)[static_cast<std::size_t>(row)];
    for (std::int64_t i = 0; i < width; ++i) {
      y += of.at(weight)[static_cast<std::size_t>(row * width + i)] * x[i];
    }
    return y;
  }
};

// Multi-head attention by its definition, one sample: [L, width] from queries [L, width] and keys
// and values [S, width].
Doubles by_loops(const Values& m, std::int64_t width, std::int64_t heads, bool causal,
                 const Doubles& query, const Doubles& key, const Doubles& value) {
  const std::int64_t queries = static_cast<std::int64_t>(query.size()) / width;
  const std::int64_t keys = static_cast<std::int64_t>(key.size()) / width, each = width / heads;
  const auto in = [&](std::int64_t part, const Doubles& x, std::int64_t at, std::int64_t unit) {
    return m.linear("in_proj_weight", "in_proj_bias", part * width + unit, x.data() + at * width,
                    width);
  };
  Doubles result;
  for (std::int64_t i = 0; i < queries; ++i) {
    Doubles mixed(static_cast<std::size_t>(width));
    for (std::int64_t h = 0; h < heads; ++h) {
      Doubles weights;
      double total = 0;
      for (std::int64_t j = 0; j < keys; ++j) {
        double score = 0;
        for (std::int64_t u = h * each; u < (h + 1) * each; ++u) {
          score += in(0, query, i, u) * in(1, key, j, u);
        }
        const bool seen = !causal || j <= i;
        weights.push_back(seen ? std::exp(score / std::sqrt(static_cast<double>(each))) : 0);
        total += weights.back();
      }
      for (std::int64_t u = h * each; u < (h + 1) * each; ++u) {
        for (std::int64_t j = 0; j < keys; ++j) {
          mixed[static_cast<std::size_t>(u)] +=
              weights[static_cast<std::size_t>(j)] / total * in(2, value, j, u);
        }
      }
    }
    for (std::int64_t u = 0; u < width; ++u) {
      result.push_back(m.linear("out_proj.weight", "out_proj.bias", u, mixed.data(), width));
    }
  }
  return result;
}

void expect_near(const Tensor& got, const Doubles& expected, double tolerance = 1e-12) {
  const auto v = got.to_vector<double>();
  ASSERT_EQ(v.size(), expected.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    EXPECT_NEAR(v[i], expected[i], tolerance * std::max(1.0, std::abs(expected[i]))) << i;
  }
}

TEST(MultiHeadAttention, ByPlainLoops) {
  for (const bool causal : {false, true}) {
    MultiHeadAttention layer(6, 2, {.causal = causal, .dtype = DType::f64});
    EXPECT_EQ(state_of(layer),
              "in_proj_weight[18, 6] in_proj_bias[18] out_proj.weight[6, 6] out_proj.bias[6]");
    randomize(layer);
    const Values values(layer);
    const Tensor x = noise({2, 5, 6}) * 0.3, key = noise({2, 4, 6}, 2) * 0.3,
                 value = noise({2, 4, 6}, 3);
    const auto sample = [](const Tensor& t, std::int64_t n) {
      return select(t, 0, n).to_vector<double>();
    };
    Doubles itself, cross;
    for (std::int64_t n = 0; n < 2; ++n) {
      const auto rows = [&](const Tensor& k, const Tensor& v) {
        return by_loops(values, 6, 2, causal, sample(x, n), sample(k, n), sample(v, n));
      };
      const Doubles a = rows(x, x), b = rows(key, value);
      itself.insert(itself.end(), a.begin(), a.end());
      cross.insert(cross.end(), b.begin(), b.end());
    }
    expect_near(layer(x), itself);
    Pass pass;
    expect_near(layer.attend(x, x, x, pass), itself);
    expect_near(layer.attend(x, key, value, pass), cross);
    // And with the weights in memory.
    Pass full;
    full.attention_weights = true;
    expect_near(layer.run(x, full), itself);
    expect_near(layer.attend(x, key, value, full), cross);
  }
}

TEST(MultiHeadAttention, Masks) {
  MultiHeadAttention layer(4, 2, {.dtype = DType::f64});
  randomize(layer);
  const Tensor x = noise({3, 4, 4});
  Pass fused, full;
  full.attention_weights = true;
  const auto both = [&](const Tensor& mask) {
    const Tensor y = layer.attend(x, x, x, fused, mask);
    EXPECT_LE(difference(layer.attend(x, x, x, full, mask), y), 1e-12);
    return y;
  };
  // Keys that a sample has not: as if the sequence were shorter.
  const Tensor shorter = Tensor::from<bool>({true, true, false, false}, {1, 1, 1, 4});
  const Tensor head = narrow(x, 1, 0, 2);
  EXPECT_LE(difference(narrow(both(shorter), 1, 0, 2), layer(head)), 1e-12);
  // A number that is added to the scores; -infinity hides.
  const double hidden = -std::numeric_limits<double>::infinity();
  const Tensor added = Tensor::from<double>({0, 0, hidden, hidden}, {1, 1, 1, 4});
  EXPECT_EQ(difference(both(added), both(shorter)), 0);
  both(noise({3, 2, 4, 4}, 7));
  // Without any key, only the bias of the output is left.
  const Tensor none = Tensor::full({1, 1, 1, 4}, 0, DType::boolean);
  const Tensor y = both(none);
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(difference(select(y, 1, i), select(y, 1, 0)), 0);
  }
  EXPECT_EQ(select(select(y, 0, 0), 0, 0).to_vector<double>(),
            layer.state().back().tensor.to_vector<double>());
}

TEST(MultiHeadAttention, StartsAsInPyTorch) {
  MultiHeadAttention layer(64, 4);
  layer.initialize(2);
  const NamedTensors state = layer.state();
  const auto largest = [&](std::size_t i) { return amax(abs(state[i].tensor)).item(); };
  // Xavier's uniform distribution of the three projections as one matrix: sqrt(6 / (64 + 192)).
  EXPECT_LE(largest(0), std::sqrt(6.0 / 256));
  EXPECT_GT(largest(0), 0.999 * std::sqrt(6.0 / 256));
  EXPECT_EQ(largest(1), 0);
  EXPECT_LE(largest(2), 1 / 8.0);
  EXPECT_GT(largest(2), 0.999 / 8.0);
  EXPECT_EQ(largest(3), 0);
  EXPECT_EQ(state_of(MultiHeadAttention(4, 2, {.bias = false})),
            "in_proj_weight[12, 4] out_proj.weight[4, 4]");
}

TEST(MultiHeadAttention, WeightsOnRequest) {
  Sequential net;
  net.append("first", std::make_unique<MultiHeadAttention>(
                          6, 3, MultiHeadAttentionOptions{.causal = true, .dtype = DType::f64}));
  net.append("second", std::make_unique<MultiHeadAttention>(
                           6, 2, MultiHeadAttentionOptions{.dtype = DType::f64}));
  randomize(net);
  const Tensor x = noise({2, 4, 6}).track();
  const Tensor plain = as_function(net)(x);
  expect_message([&] { find_tap(plain, "first.weights"); }, "first.weights");

  const Tensor y = as_function(net, {.attention_weights = true})(x);
  EXPECT_LE(difference(y, plain), 1e-11);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : taps(y)) names.push_back(name);
  for (const char* name : {"first.weights", "first", "second.weights"}) {
    EXPECT_TRUE(std::find(names.begin(), names.end(), name) != names.end()) << name;
  }
  const Tensor w = find_tap(y, "first.weights"), v = find_tap(y, "second.weights");
  EXPECT_EQ(w.shape(), (Shape{2, 3, 4, 4}));
  EXPECT_EQ(v.shape(), (Shape{2, 2, 4, 4}));
  for (const double total : sum(w, {3}).to_vector<double>()) EXPECT_NEAR(total, 1, 1e-12);
  for (const double total : sum(v, {3}).to_vector<double>()) EXPECT_NEAR(total, 1, 1e-12);
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = i + 1; j < 4; ++j) {
      EXPECT_EQ(amax(select(select(w, 2, i), 2, j)).item(), 0);
    }
  }
  // They lie on the way: y depends on them.
  EXPECT_GT(amax(abs(gradient(sum(y * noise(y.shape(), 5)), w))).item(), 0);
}

TEST(MultiHeadAttention, DropsWeightsInTraining) {
  MultiHeadAttention layer(4, 2, {.dropout = 0.5, .dtype = DType::f64});
  randomize(layer);
  const Tensor x = noise({64, 3, 4});
  const Tensor expected = layer(x);
  Pass pass(Mode::train, 3, 1);
  const Tensor y = layer.run(x, pass);
  EXPECT_TRUE(pass.drew());
  EXPECT_GT(difference(y, expected), 0.1);
  // What a row loses belongs to its number.
  Pass later(Mode::train, 3, 1);
  later.first_row = 40;
  EXPECT_EQ(layer.run(narrow(x, 0, 40, 8), later).to_vector<double>(),
            narrow(y, 0, 40, 8).to_vector<double>());
  Pass other(Mode::train, 3, 2);
  EXPECT_GT(difference(layer.run(x, other), y), 0.1);
}

TEST(MultiHeadAttention, SaysWhatDoesNotFit) {
  expect_message([] { MultiHeadAttention(10, 3); },
                 "width 10 and 3 heads; expected a multiple of the heads");
  expect_message([] { MultiHeadAttention(4, 0); }, "0 heads");
  expect_message([] { MultiHeadAttention(4, 2, {.dropout = 1}); }, "dropout 1");
  const MultiHeadAttention layer(4, 2);
  expect_message([&] { layer(noise({2, 3, 5}, 1, DType::f32)); }, "expected [N, positions, 4]");
  expect_message([&] { layer(noise({3, 4}, 1, DType::f32)); }, "expected [N, positions, 4]");
  EXPECT_THROW(layer(noise({2, 3, 4}, 1, DType::f64)), Error);  // its parameters are f32
  Pass pass;
  const Tensor x = noise({2, 3, 4}, 1, DType::f32);
  expect_message([&] { layer.attend(x, x, noise({2, 3, 5}, 1, DType::f32), pass); }, "values");
  expect_message(
      [&] {
        layer.attend(x, x, noise({2, 4, 4}, 1, DType::f32), pass);
      },
      "attention_test.cpp");
}

TEST(TransformerBlock, IsItsParts) {
  for (const bool first : {true, false}) {
    TransformerBlock block(4, 2,
                           {.norm_first = first,
                            .causal = true,
                            .hidden = 5,
                            .activation = "relu",
                            .dtype = DType::f64});
    EXPECT_EQ(state_of(block),
              "self_attn.in_proj_weight[12, 4] self_attn.in_proj_bias[12] "
              "self_attn.out_proj.weight[4, 4] self_attn.out_proj.bias[4] linear1.weight[5, 4] "
              "linear1.bias[5] linear2.weight[4, 5] linear2.bias[4] norm1.weight[4] norm1.bias[4] "
              "norm2.weight[4] norm2.bias[4]");
    randomize(block);
    std::map<std::string, const Module*> part;
    for (const auto& [path, module] : block.modules()) part[path] = module;
    const auto run = [&](const char* name, const Tensor& x) { return (*part.at(name))(x); };
    const auto mlp = [&](const Tensor& x) { return run("linear2", relu(run("linear1", x))); };
    const Tensor x = noise({2, 3, 4});
    Tensor expected;
    if (first) {
      const Tensor y = x + run("self_attn", run("norm1", x));
      expected = y + mlp(run("norm2", y));
    } else {
      const Tensor y = run("norm1", x + run("self_attn", x));
      expected = run("norm2", y + mlp(y));
    }
    EXPECT_EQ(block(x).to_vector<double>(), expected.to_vector<double>());
  }
  EXPECT_EQ(TransformerBlock(4, 2).describe(), "TransformerBlock(4, heads=2)");
  EXPECT_EQ(TransformerBlock(4, 2, {.norm_first = false, .hidden = 8, .dropout = 0.1}).describe(),
            "TransformerBlock(4, heads=2, hidden=8, norm_first=false, dropout=0.1)");
  EXPECT_THROW(TransformerBlock(4, 3), Error);
  EXPECT_THROW(TransformerBlock(4, 2, {.hidden = -1}), Error);
  EXPECT_THROW(TransformerBlock(4, 2, {.activation = "rely"}), Error);
}

TEST(TransformerBlock, DropsInThreePlaces) {
  const Tensor x = noise({8, 3, 4});
  std::set<Doubles> results;
  for (const auto& options :
       {TransformerBlockOptions{.dropout = 0.5}, TransformerBlockOptions{.attention_dropout = 0.5},
        TransformerBlockOptions{.hidden_dropout = 0.5}, TransformerBlockOptions{}}) {
    TransformerBlockOptions o = options;
    o.dtype = DType::f64;
    TransformerBlock block(4, 2, o);
    randomize(block);
    Pass pass(Mode::train, 1, 1);
    results.insert(block.run(x, pass).to_vector<double>());
    EXPECT_EQ(pass.drew(), o.dropout + o.attention_dropout + o.hidden_dropout > 0);
  }
  EXPECT_EQ(results.size(), 4u);
}

// First and second derivatives, by input and parameters.
TEST(TransformerBlock, Derivatives) {
  for (const bool first : {true, false}) {
    TransformerBlock block(
        4, 2, {.norm_first = first, .causal = first, .hidden = 3, .dtype = DType::f64});
    randomize(block);
    const NamedTensors parameters = block.parameters();
    for (const bool weights : {false, true}) {
      std::vector<Tensor> inputs{noise({2, 3, 4})};
      for (const auto& p : parameters) inputs.push_back(p.tensor * 0.5);
      const auto f = [&](std::span<const Tensor> in) {
        Pass pass;
        pass.attention_weights = weights;
        pass.substitute(parameters, in.subspan(1));
        return std::vector{block.run(in[0], pass)};
      };
      const auto result = gradcheck(f, inputs, {.second_order = true, .max_elements = 10});
      EXPECT_TRUE(result.ok) << result.message;
    }
  }
}

TEST(PositionEmbedding, AddsAVectorPerPosition) {
  PositionEmbedding layer(5, 3, {.dtype = DType::f64});
  layer.initialize(1);
  EXPECT_EQ(state_of(layer), "weight[5, 3]");
  const Tensor w = layer.state()[0].tensor, x = noise({2, 4, 3});
  EXPECT_NEAR(stddev(w, {}, 0).item(), 0.02, 0.01);
  for (std::int64_t n = 0; n < 2; ++n) {
    expect_near(select(layer(x), 0, n), (select(x, 0, n) + narrow(w, 0, 0, 4)).to_vector<double>(),
                0);
  }
  EXPECT_EQ(layer(noise({2, 5, 3})).shape(), (Shape{2, 5, 3}));
  expect_message([&] { layer(noise({2, 6, 3})); }, "up to 5 positions");
  EXPECT_THROW(layer(noise({2, 5, 3}, 1, DType::f32)), Error);
  EXPECT_THROW(layer(noise({2, 5, 1})), Error);
  EXPECT_THROW(PositionEmbedding(0, 3), Error);
}

TEST(PatchEmbedding, IsAConvolution) {
  PatchEmbedding layer(3, 2, 5, {.dtype = DType::f64});
  Conv2d conv(3, 5, {2}, {.stride = {2}, .dtype = DType::f64});
  EXPECT_EQ(state_of(layer), state_of(conv));
  layer.initialize(3);
  conv.initialize(3);
  const Tensor x = noise({2, 3, 4, 6});
  const Tensor expected = transpose(flatten(conv(x), 2), 1, 2);
  EXPECT_EQ(layer(x).shape(), (Shape{2, 6, 5}));
  EXPECT_LE(difference(layer(x), expected), 1e-14);
  EXPECT_EQ(layer.describe(), "PatchEmbedding(3, patch=2, 5, dtype=f64)");
  expect_message([&] { layer(noise({2, 3, 4, 5})); }, "multiples of 2");
  EXPECT_THROW(layer(noise({2, 1, 4, 4})), Error);
  EXPECT_THROW(PatchEmbedding(3, 0, 5), Error);
}

TEST(PrependToken, StandsFirst) {
  const Tensor x = noise({2, 3, 4}), token = noise({1, 1, 4}, 2);
  const Tensor y = prepend_token(x, token);
  EXPECT_EQ(y.shape(), (Shape{2, 4, 4}));
  EXPECT_EQ(narrow(y, 1, 1, 3).to_vector<double>(), x.to_vector<double>());
  for (std::int64_t n = 0; n < 2; ++n) {
    EXPECT_EQ(select(select(y, 0, n), 0, 0).to_vector<double>(), token.to_vector<double>());
  }
  EXPECT_THROW(prepend_token(x, noise({1, 1, 3})), Error);
}

}  // namespace
}  // namespace ingrad
