// SPDX-License-Identifier: Apache-2.0
// Axioms that explainers keep on any net, and what the pool promises: independence of the batch,
// models left as they were, memory below the cap.
#include <gtest/gtest.h>

#include <cmath>

#include "attribution/explain.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "engine/parallel.h"
#include "models/cnn.h"
#include "models/lenet.h"
#include "tests/attribution/every_method.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance,
                 const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  double scale = 1e-30;
  for (const double v : b) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_NEAR(a[i], b[i], tolerance * scale) << what << " element " << i;
  }
}

// P1, in f32 with the default rule: a smooth net, and one with kinks by enough steps.
TEST(Properties, IntegratedGradientsAreCompleteTo1e4) {
  const Tensor x = noise(40, Shape{16, 6});
  for (const double d : explain_integrated_gradients(mlp(6, 3, true), x).relative_delta) {
    EXPECT_LE(d, 1e-4);
  }
  const ScalarKind kinds[] = {ScalarKind::logit, ScalarKind::log_prob, ScalarKind::prob};
  for (const ScalarKind kind : kinds) {
    const Attribution a = explain_integrated_gradients(mlp(6, 3, true), x, {}, {.scalar = kind});
    for (std::size_t s = 0; s < 16; ++s) {
      EXPECT_LE(std::abs(a.delta[s]), 1e-4 * std::max(std::abs(a.f[s] - a.f_baseline[s]), 0.1))
          << name_of(kind) << " sample " << s;
    }
  }
  const Attribution kinked =
      explain_integrated_gradients(mlp(6, 3, false), narrow(x, 0, 0, 4),
                                   {.rule = QuadratureRule::midpoint, .steps = 20000}, kFirst);
  for (const double d : kinked.delta) EXPECT_LE(std::abs(d), 1e-4);
}

TEST(Properties, ThirdIsLinearityInTheModel) {
  const ModelFn f = mlp(6, 3, true), g = mlp(6, 3, false);
  const ModelFn both = [&](const Tensor& x) { return f(x) * 2.0 - g(x) * 3.0; };
  const Tensor x = noise(41, Shape{3, 6});
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    if (!linear) continue;
    const auto a = explain(f, x, kFirst).values.to_vector<double>();
    const auto b = explain(g, x, kFirst).values.to_vector<double>();
    std::vector<double> expected;
    for (std::size_t i = 0; i < a.size(); ++i) expected.push_back(2 * a[i] - 3 * b[i]);
    expect_near(explain(both, x, kFirst).values.to_vector<double>(), expected, 1e-5, name);
  }
}

TEST(Properties, SixthIsSymmetry) {
  // f sees only the sum of features 0 and 1, which are equal.
  const ModelFn inner = mlp(3, 2, true);
  const ModelFn model = [&](const Tensor& x) {
    return inner(concat({narrow(x, 1, 0, 1) + narrow(x, 1, 1, 1), narrow(x, 1, 2, 2)}, 1));
  };
  const Tensor x = Tensor::from<float>({0.7F, 0.7F, -1, 2}, Shape{1, 4});
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    if (sampled) continue;  // noise breaks the symmetry of the inputs
    const auto v = explain(model, x, kFirst).values.to_vector<double>();
    EXPECT_EQ(v[0], v[1]) << name;
  }
}

TEST(Properties, SeventhIsImplementationInvariance) {
  const Tensor w = noise(42, Shape{8, 5}, 0.6), b = noise(43, Shape{8}, 0.2);
  const Tensor v = noise(44, Shape{2, 8}, 0.6);
  const ModelFn plain = [&](const Tensor& x) { return linear(relu(linear(x, w, b)), v); };
  // Every hidden unit twice with half its outgoing weight, and scaled by 4 through the ReLU.
  const Tensor w2 = concat({w, w}, 0) * 4.0, b2 = concat({b, b}, 0) * 4.0;
  const Tensor v2 = concat({v, v}, 1) * 0.125;
  const ModelFn doubled = [&](const Tensor& x) { return linear(relu(linear(x, w2, b2)), v2); };
  const Tensor x = noise(45, Shape{4, 5});
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    if (!invariant) continue;
    expect_near(explain(doubled, x, kFirst).values.to_vector<double>(),
                explain(plain, x, kFirst).values.to_vector<double>(), 1e-5, name);
  }
}

TEST(Properties, EighthIsScale) {
  const ModelFn f = mlp(6, 3, true);
  // A power of two is exact in every step.
  const ModelFn four = [&](const Tensor& x) { return f(x) * 4.0; };
  const Tensor x = noise(46, Shape{2, 6});
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    if (!linear) continue;
    const auto a = explain(f, x, kFirst).values.to_vector<double>();
    const auto b = explain(four, x, kFirst).values.to_vector<double>();
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(b[i], 4 * a[i]) << name;
  }
}

// P12: the same bits alone, at any place of any batch, for any batch size and number of threads.
TEST(PropertiesThreads, TwelfthIsBatchInvariance) {
  const ModelFn model = conv_net();
  const Tensor x = noise(47, Shape{6, 2, 8, 8});
  const Tensor turned = concat({narrow(x, 0, 4, 2), narrow(x, 0, 0, 4)}, 0);
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    const auto whole = explain(model, x, {}).values;
    for (const std::int64_t rows : {1, 4, 64}) {
      for (const int n : {1, 2, 3}) {
        set_threads(n);
        const auto again = explain(model, x, {.pool = {.max_rows = rows}}).values;
        EXPECT_EQ(again.to_vector<float>(), whole.to_vector<float>())
            << name << " in batches of " << rows << " on " << n << " threads";
      }
    }
    set_threads(0);
    const ExplainOptions third{.first_sample = 3};
    EXPECT_EQ(explain(model, narrow(x, 0, 3, 1), third).values.to_vector<float>(),
              narrow(whole, 0, 3, 1).to_vector<float>())
        << name;
    if (sampled) continue;  // draws belong to the number of the sample
    const auto moved = explain(model, turned, {}).values;
    EXPECT_EQ(narrow(moved, 0, 2, 4).to_vector<float>(), narrow(whole, 0, 0, 4).to_vector<float>())
        << name;
  }
}

TEST(Properties, ThirteenthIsThatModelAndInputStayAsTheyWere) {
  const Tensor w = noise(48, Shape{2, 4}), x = noise(49, Shape{3, 4});
  const auto w_before = w.to_vector<float>(), x_before = x.to_vector<float>();
  const ModelFn model = [&](const Tensor& in) { return tanh(linear(in, w)); };
  int calls = 0;
  const ModelFn breaks = [&](const Tensor& in) {
    if (++calls > 2) throw Error("broken model");
    return model(in);
  };
  const auto before = model(x).to_vector<float>();
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    const Attribution a = explain(model, x, {});
    EXPECT_FALSE(a.values.is_tracked()) << name;
    calls = 0;
    EXPECT_THROW(explain(breaks, x, {.pool = {.max_rows = 1}}), Error) << name;
    EXPECT_EQ(w.to_vector<float>(), w_before) << name;
    EXPECT_EQ(x.to_vector<float>(), x_before) << name;
    EXPECT_EQ(model(x).to_vector<float>(), before) << name;
  }
}

TEST(Properties, NineteenthIsDegenerateInput) {
  const ModelFn constant = [](const Tensor& x) { return sum(x * 0.0, {1}, true) + 3.0; };
  const Tensor x = noise(50, Shape{1, 1});
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    const Attribution a = explain(constant, x, {.target = Target::only_output()});
    EXPECT_EQ(a.values.to_vector<double>()[0], 0) << name;
    EXPECT_EQ(a.f[0], 3) << name;
    for (const double d : a.relative_delta) EXPECT_EQ(d, 0) << name;
    EXPECT_THROW(explain(mlp(4, 2, true), Tensor::zeros(Shape{2, 4}, DType::i64), {}), Error);
    EXPECT_THROW(explain(mlp(4, 2, true), Tensor::full(Shape{2, 4}, INFINITY), {}), Error);
    EXPECT_THROW(explain(mlp(4, 2, true), Tensor(), {}), Error);
  }
}

TEST(Properties, PlansComputeWhatOpsDo) {
  const ModelFn model = conv_net();
  const Tensor x = noise(52, Shape{5, 2, 8, 8});
  for (const ScalarKind kind : {ScalarKind::logit, ScalarKind::log_prob, ScalarKind::prob,
                                ScalarKind::margin, ScalarKind::contrast, ScalarKind::loss}) {
    for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
      ExplainOptions options{.scalar = kind};
      if (kind == ScalarKind::contrast) {
        options.target = Target::one(1);
        options.contrast = {0, 2, 0, 2, 0};
      }
      const Attribution planned = explain(model, x, options);
      options.pool.planned = false;
      const Attribution eager = explain(model, x, options);
      const auto a = planned.values.to_vector<double>(), b = eager.values.to_vector<double>();
      double largest = 0, worst = 0;
      for (std::size_t i = 0; i < a.size(); ++i) {
        largest = std::max(largest, std::abs(b[i]));
        worst = std::max(worst, std::abs(a[i] - b[i]));
      }
      EXPECT_LE(worst, 2e-5 * largest) << name << " " << name_of(kind);
    }
  }
}

// P15: the same bits as in a call for each class; classes share forward passes.
TEST(Properties, FifteenthIsSeveralClasses) {
  const ModelFn model = conv_net();
  const Tensor x = noise(53, Shape{3, 2, 8, 8});
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    for (const bool planned : {true, false}) {
      ExplainOptions options{.target = Target::several({2, 0, 1}), .pool = {.max_rows = 7}};
      options.pool.planned = planned;
      const Attribution all = explain(model, x, options);
      ASSERT_EQ(all.values.dim(1), 3) << name;
      ASSERT_EQ(all.targets, (std::vector<std::int64_t>{2, 0, 1, 2, 0, 1, 2, 0, 1})) << name;
      for (std::int64_t c = 0; c < 3; ++c) {
        options.target = Target::one(all.targets[static_cast<std::size_t>(c)]);
        const Attribution one = explain(model, x, options);
        EXPECT_EQ(select(all.values, 1, c).to_vector<float>(), one.values.to_vector<float>())
            << name << " class " << c << " planned " << planned;
        for (std::size_t i = 0; i < one.delta.size(); ++i) {
          EXPECT_EQ(all.delta[3 * i + static_cast<std::size_t>(c)], one.delta[i]) << name;
        }
        if (one.standard_error.defined()) {
          EXPECT_EQ(select(all.standard_error, 1, c).to_vector<float>(),
                    one.standard_error.to_vector<float>())
              << name;
        }
      }
      EXPECT_LE(all.cost.forward_rows, explain(model, x, options).cost.forward_rows + 3 * 3)
          << name;
    }
  }
}

// More classes than share a pass, and models of products, norms and residual sums.
TEST(Properties, FifteenthHoldsForManyClassesAndRealModels) {
  const auto compare = [](const ModelFn& model, const Tensor& x,
                          std::vector<std::int64_t> classes) {
    const Attribution all = explain_gradient(model, x, {.target = Target::several(classes)});
    for (std::size_t c = 0; c < classes.size(); ++c) {
      const Attribution one = explain_gradient(model, x, {.target = Target::one(classes[c])});
      EXPECT_EQ(select(all.values, 1, static_cast<std::int64_t>(c)).to_vector<float>(),
                one.values.to_vector<float>())
          << c;
    }
  };
  std::vector<std::int64_t> many;
  for (std::int64_t c = 0; c < 19; ++c) many.push_back(18 - c);
  compare(mlp(6, 20, false), noise(54, Shape{5, 6}), many);
  LeNet5 lenet(Shape{1, 28, 28}, 10);
  lenet.initialize(1);
  compare(as_function(lenet), noise(55, Shape{3, 1, 28, 28}), {1, 0, 9});
  Cnn3 cnn(Shape{3, 16, 16}, 10, {.width = 8});
  cnn.initialize(2);
  compare(as_function(cnn), noise(56, Shape{3, 3, 16, 16}), {4, 4, 7});
}

TEST(Properties, SeveralClassesAreChecked) {
  const Tensor x = noise(57, Shape{2, 6});
  EXPECT_THROW(explain_gradient(mlp(6, 3, true), x, {.target = Target::several({})}), Error);
  try {
    explain_gradient(mlp(6, 3, true), x, {.target = Target::several({0, 3})});
    ADD_FAILURE() << "expected an Error";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("target 3 of sample 0"), std::string::npos) << e.what();
  }
}

// A cap is used as far as it goes.
TEST(Properties, TwentiethIsAlsoThatMoreMemoryMakesLargerBatches) {
  const Tensor x = noise(58, Shape{12, 2, 8, 8});
  const auto rows = [&](std::int64_t cap) {
    return explain_gradient(conv_net(), x, {.pool = {.memory_bytes = cap}}).cost.batch_rows;
  };
  EXPECT_LT(rows(84'000), rows(800'000));
  EXPECT_EQ(rows(800'000), 12);
}

// P20: at several caps, for every method.
TEST(Properties, TwentiethIsTheMemoryCap) {
  const ModelFn model = conv_net();
  const Tensor x = noise(51, Shape{12, 2, 8, 8});
  for (const auto& [name, explain, sampled, linear, invariant] : every_method()) {
    const Attribution free = explain(model, x, {});
    for (const std::int64_t cap : {120'000, 200'000, 800'000}) {
      const Attribution a = explain(model, x, {.pool = {.memory_bytes = cap}});
      EXPECT_LE(a.cost.peak_bytes, cap) << name;
      EXPECT_GE(a.cost.batch_rows, 1) << name;
      EXPECT_EQ(a.values.to_vector<float>(), free.values.to_vector<float>()) << name;
      EXPECT_EQ(a.cost.gradient_rows, free.cost.gradient_rows) << name;
    }
    try {
      explain(model, x, {.pool = {.memory_bytes = 1000}});
      ADD_FAILURE() << "expected an Error";
    } catch (const Error& e) {
      EXPECT_NE(e.message().find("1000"), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace ingrad
