// SPDX-License-Identifier: Apache-2.0
// What all optimisers share: groups, state, refusal of bad input, the same bits on any threads.
// Their formulas are held to PyTorch's in tests/golden.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "engine/optim/clipping.h"
#include "engine/optim/lbfgs.h"
#include "engine/optim/optimizers.h"
#include "engine/optim/schedule.h"
#include "engine/parallel.h"

namespace ingrad {
namespace {

const char* const kAll[] = {"sgd:lr=0.1,momentum=0.9,nesterov", "sgd:lr=0.1", "adam:amsgrad",
                            "adamw", "nadam", "radam", "rmsprop:centered,momentum=0.5",
                            "adagrad", "adadelta", "lion"};

// Deterministic values without a generator.
Tensor wave(const Shape& shape, double phase, DType dtype = DType::f32) {
  const Tensor t = Tensor::empty(shape, dtype);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    const double v = std::sin(0.7 * static_cast<double>(i) + phase);
    if (dtype == DType::f32) {
      t.mutable_data<float>()[i] = static_cast<float>(v);
    } else {
      t.mutable_data<double>()[i] = v;
    }
  }
  return t;
}

NamedTensors two_parameters(std::int64_t size) {
  return {{"a.weight", wave({size, 3}, 0.1)}, {"a.bias", wave({size}, 0.5)}};
}

std::vector<Tensor> gradients_for(const NamedTensors& parameters, int step) {
  std::vector<Tensor> gradients;
  for (const NamedTensor& p : parameters) gradients.push_back(wave(p.tensor.shape(), step));
  return gradients;
}

std::vector<float> bits(const NamedTensors& parameters) {
  std::vector<float> all;
  for (const NamedTensor& p : parameters) {
    const auto part = p.tensor.to_vector<float>();
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

NamedTensors copy(const NamedTensors& from) {
  NamedTensors to;
  for (const NamedTensor& p : from) {
    const Tensor t = Tensor::empty(p.tensor.shape(), p.tensor.dtype());
    t.assign(p.tensor);
    to.push_back({p.name, t});
  }
  return to;
}

TEST(OptimizerTest, SavedStateContinuesWithTheSameBits) {
  for (const char* spec : kAll) {
    SCOPED_TRACE(spec);
    const NamedTensors straight = two_parameters(7);
    const auto whole = make_optimizer(spec, one_group(straight));
    for (int s = 0; s < 4; ++s) whole->step(gradients_for(straight, s));
    const NamedTensors resumed = copy(straight);
    const NamedTensors saved = copy(whole->state());
    const auto second = make_optimizer(spec, one_group(resumed));
    second->load_state(saved);
    for (int s = 4; s < 9; ++s) {
      whole->step(gradients_for(straight, s));
      second->step(gradients_for(resumed, s));
    }
    EXPECT_EQ(bits(straight), bits(resumed));
  }
}

TEST(OptimizerTest, ThreadsDoNotChangeBits) {
  for (const char* spec : kAll) {
    SCOPED_TRACE(spec);
    std::vector<float> results[2];
    for (int t = 0; t < 2; ++t) {
      set_threads(t + 1);
      const NamedTensors p = two_parameters(20011);
      const auto optimizer = make_optimizer(spec, one_group(p));
      for (int s = 0; s < 3; ++s) {
        std::vector<Tensor> g = gradients_for(p, s);
        clip_gradient_norm(g, 1.0);
        optimizer->step(g);
      }
      results[t] = bits(p);
    }
    set_threads(0);
    EXPECT_EQ(results[0], results[1]);
  }
}

TEST(OptimizerTest, GroupsHaveTheirOwnRatesAndSchedulesScaleThem) {
  const Tensor a = Tensor::zeros({1});
  const Tensor b = Tensor::zeros({1});
  const std::vector<ParameterGroup> groups{{{{"a", a}}, 0.5, {}}, {{{"b", b}}, {}, 0.25}};
  Sgd optimizer(groups, {.learning_rate = 0.1});
  const std::vector<Tensor> ones{Tensor::ones({1}), Tensor::ones({1})};
  apply_schedule(optimizer, step_schedule(1, 0.5), 1);
  EXPECT_DOUBLE_EQ(optimizer.learning_rate(0), 0.25);
  EXPECT_DOUBLE_EQ(optimizer.learning_rate(1), 0.05);
  optimizer.step(ones);
  EXPECT_FLOAT_EQ(static_cast<float>(a.item()), -0.25f);
  EXPECT_FLOAT_EQ(static_cast<float>(b.item()), -0.05f);
  // Only the second group decays: b -= 0.05 (1 + 0.25 b).
  optimizer.step(ones);
  EXPECT_FLOAT_EQ(static_cast<float>(a.item()), -0.5f);
  EXPECT_NEAR(b.item(), -0.05 - 0.05 * (1 - 0.25 * 0.05), 1e-7);
}

TEST(OptimizerTest, UndefinedGradientLeavesParameterAndStateAlone) {
  const NamedTensors p = two_parameters(3);
  Adam optimizer(one_group(p));
  const auto before = p[1].tensor.to_vector<float>();
  std::vector<Tensor> g = gradients_for(p, 0);
  g[1] = Tensor();
  optimizer.step(g);
  EXPECT_EQ(p[1].tensor.to_vector<float>(), before);
  for (const NamedTensor& s : optimizer.state()) {
    if (s.name == "step.a.weight") {
      EXPECT_EQ(s.tensor.item(), 1);
    }
    if (s.name == "step.a.bias") {
      EXPECT_EQ(s.tensor.item(), 0);
    }
  }
}

TEST(OptimizerTest, StridedGradientsAreReadRight) {
  const Tensor p = Tensor::zeros({2, 3});
  Sgd optimizer(one_group({{"p", p}}), {.learning_rate = 1});
  const Tensor g = Tensor::from({0.f, 1.f, 2.f, 3.f, 4.f, 5.f}, {3, 2});
  const std::vector<Tensor> transposed{g.as_strided({2, 3}, {1, 2}, 0)};
  optimizer.step(transposed);
  EXPECT_EQ(p.to_vector<float>(), (std::vector<float>{0, -2, -4, -1, -3, -5}));
}

TEST(OptimizerTest, BadInputIsRefused) {
  const NamedTensors p = two_parameters(2);
  EXPECT_THROW(Sgd(one_group({})), Error);
  EXPECT_THROW(Sgd(one_group({p[0], p[0]})), Error);
  EXPECT_THROW(Sgd(one_group({{"i", Tensor::zeros({2}, DType::i64)}})), Error);
  EXPECT_THROW(Sgd(one_group({{"t", p[0].tensor.track()}})), Error);
  EXPECT_THROW(Sgd(one_group(p), {.learning_rate = -1}), Error);
  EXPECT_THROW(Sgd(one_group(p), {.nesterov = true}), Error);
  EXPECT_THROW(Adam(one_group(p), {.beta1 = 1}), Error);
  EXPECT_THROW(Adam(one_group(p), {.eps = std::nan("")}), Error);
  EXPECT_THROW(make_optimizer("adamm", one_group(p)), Error);
  EXPECT_THROW(make_optimizer("adam:lrr=1", one_group(p)), Error);
  EXPECT_THROW(make_optimizer("adam:lr=one", one_group(p)), Error);
  Sgd plain(one_group(p));
  EXPECT_THROW(plain.set_momentum(0.9), Error);
  EXPECT_THROW(plain.step(std::vector<Tensor>{Tensor::zeros({2, 3})}), Error);
  EXPECT_THROW(plain.step(std::vector<Tensor>{Tensor::zeros({2, 3}), Tensor::zeros({3})}), Error);
  Adam adam(one_group(p));
  NamedTensors state = adam.state();
  state.pop_back();
  EXPECT_THROW(adam.load_state(state), Error);
  state = adam.state();
  state.push_back({"more", Tensor::zeros({1})});
  EXPECT_THROW(adam.load_state(state), Error);
}

// f(x) = sum over i of (i + 1) (x_i - 1)^2 + (x_i - 1)^4 / 10.
ValueAndGrads valley(const Tensor& x) {
  double value = 0;
  const Tensor g = Tensor::empty(x.shape(), x.dtype());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double d = static_cast<double>(x.data<float>()[i]) - 1;
    value += static_cast<double>(i + 1) * d * d + d * d * d * d / 10;
    g.mutable_data<float>()[i] =
        static_cast<float>(2 * static_cast<double>(i + 1) * d + 4 * d * d * d / 10);
  }
  return {Tensor::scalar(value, DType::f64), {g}};
}

TEST(OptimizerTest, LbfgsInFloat) {
  for (const bool wolfe : {false, true}) {
    const Tensor x = Tensor::zeros({20});
    Lbfgs optimizer(one_group({{"x", x}}), {.strong_wolfe = wolfe});
    for (int s = 0; s < 5; ++s) optimizer.step([&] { return valley(x); });
    for (const float v : x.to_vector<float>()) EXPECT_NEAR(v, 1, 1e-4) << "wolfe " << wolfe;
    EXPECT_THROW(optimizer.step(std::vector<Tensor>{x}), Error);
  }
}

TEST(OptimizerTest, LbfgsStateContinuesWithTheSameBits) {
  const LbfgsOptions options{.max_iter = 2, .history_size = 3, .strong_wolfe = true};
  const Tensor x = Tensor::zeros({6});
  Lbfgs whole(one_group({{"x", x}}), options);
  for (int s = 0; s < 2; ++s) whole.step([&] { return valley(x); });
  const NamedTensors other = copy({{"x", x}});
  Lbfgs second(one_group(other), options);
  second.load_state(whole.state());
  for (int s = 0; s < 3; ++s) {
    whole.step([&] { return valley(x); });
    second.step([&] { return valley(other[0].tensor); });
  }
  EXPECT_EQ(x.to_vector<float>(), other[0].tensor.to_vector<float>());
  NamedTensors state = whole.state();
  state.pop_back();
  EXPECT_THROW(second.load_state(state), Error);
}

TEST(ScheduleTest, FromText) {
  const Schedule s = make_schedule("cosine:warmup=10,warmup_start=0.5,minimum=0.1", 110);
  EXPECT_DOUBLE_EQ(s(1, 0), 0.5);
  EXPECT_DOUBLE_EQ(s(1, 10), 1);
  EXPECT_NEAR(s(1, 60), 0.55, 1e-12);
  EXPECT_NEAR(s(1, 110), 0.1, 1e-12);
  const Schedule m = make_schedule("multistep:milestones=3/5,gamma=0.2", 10);
  EXPECT_DOUBLE_EQ(m(1, 2), 1);
  EXPECT_DOUBLE_EQ(m(1, 4), 0.2);
  EXPECT_NEAR(m(1, 9), 0.04, 1e-15);
  EXPECT_THROW(make_schedule("cosinus", 10), Error);
  EXPECT_THROW(make_schedule("cosine:period=3", 10), Error);
  EXPECT_THROW(make_schedule("onecycle", 10), Error);
  EXPECT_THROW(sequence_schedule({constant_schedule()}, {3}), Error);
}

TEST(ClippingTest, EdgeCases) {
  std::vector<Tensor> g{Tensor::full({3}, std::nan("")), Tensor()};
  EXPECT_THROW(clip_gradient_norm(g, 1, 2, true), Error);
  EXPECT_TRUE(std::isnan(gradient_norm(g)));
  EXPECT_TRUE(std::isnan(gradient_norm(g, std::numeric_limits<double>::infinity())));
  EXPECT_THROW(gradient_norm(g, 0.5), Error);
  std::vector<Tensor> small{Tensor::full({2}, 0.1)};
  const Tensor before = small[0];
  clip_gradient_norm(small, 1);
  EXPECT_TRUE(small[0].same_as(before));
}

}  // namespace
}  // namespace ingrad
