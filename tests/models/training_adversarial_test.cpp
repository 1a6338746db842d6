// SPDX-License-Identifier: Apache-2.0
// Attacks against closed forms on linear models, and what they promise on any model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/losses.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/parallel.h"
#include "engine/random.h"
#include "models/training/adversarial.h"

namespace ingrad {
namespace {

using Model = std::function<Tensor(const Tensor&)>;

// Two layers with a bend, for inputs of any shape with `features` elements in a row.
Model network(std::int64_t features, std::int64_t classes, DType dtype = DType::f32) {
  const double scale = std::sqrt(2.0 / static_cast<double>(features));
  const Tensor first = random_normal({features, 32}, {1, 1, 0, 0}, 0, scale, dtype);
  const Tensor second = random_normal({32, classes}, {1, 2, 0, 0}, 0, 0.25, dtype);
  return [=](const Tensor& x) {
    return matmul(tanh(matmul(reshape(x, {x.dim(0), features}), first)), second);
  };
}

// The loss is the model's one output.
Tensor only_output(const Tensor& outputs, const Tensor&) {
  return reshape(outputs, {outputs.dim(0)});
}

Model linear(const std::vector<float>& w) {
  const Tensor weight = Tensor::from(w, {static_cast<std::int64_t>(w.size()), 1});
  return [=](const Tensor& x) { return matmul(x, weight); };
}

std::vector<double> losses(const Model& model, const Tensor& x, const Tensor& targets) {
  ClassLossOptions each;
  each.reduction = LossReduction::none;
  return cross_entropy(model(x), targets, each).to_vector<double>();
}

double mean_of(const std::vector<double>& v) {
  double total = 0;
  for (const double e : v) total += e;
  return total / static_cast<double>(v.size());
}

const Tensor kNoTargets = Tensor::zeros({1}, DType::i64);

TEST(AttackTest, FgsmOnALinearModelIsTheSignOfItsWeights) {
  const Tensor x = Tensor::from({0.5f, -1.f, 2.f, 0.25f}, {1, 4});
  AttackOptions o = make_attack("fgsm:eps=0.25");
  o.loss = only_output;
  const Tensor adversarial = attack(linear({0.1f, -3.f, 0.f, 7.f}), x, kNoTargets, o);
  EXPECT_EQ(adversarial.to_vector<float>(), (std::vector<float>{0.75f, -1.25f, 2.f, 0.5f}));
  o.targeted = true;
  EXPECT_EQ(attack(linear({0.1f, -3.f, 0.f, 7.f}), x, kNoTargets, o).to_vector<float>(),
            (std::vector<float>{0.25f, -0.75f, 2.f, 0.f}));
}

TEST(AttackTest, CrossEntropyOfTwoClassesGoesAlongTheDifferenceOfTheirWeights) {
  const Tensor weight = Tensor::from({1.f, 3.f, 2.f, -1.f, 0.5f, 0.5f}, {3, 2});
  const Model model = [=](const Tensor& x) { return matmul(x, weight); };
  const Tensor x = Tensor::zeros({2, 3});
  const Tensor targets = Tensor::from<std::int64_t>({0, 1}, {2});
  const Tensor a = attack(model, x, targets, make_attack("fgsm:eps=0.5"));
  EXPECT_EQ(a.to_vector<float>(), (std::vector<float>{0.5f, -0.5f, 0, -0.5f, 0.5f, 0}));
}

TEST(AttackTest, L2OnALinearModelEndsOnTheSphereAlongTheGradient) {
  const std::vector<float> w{3.f, -4.f, 0.f, 12.f};  // of length 13
  const Tensor x = Tensor::from({1.f, 2.f, 3.f, 4.f}, {1, 4});
  for (const char* spec : {"l2:eps=2,steps=5,random_start=false", "l2:eps=2,steps=200,step=0.5",
                           "l2:eps=2,steps=1,random_start=false"}) {
    AttackOptions o = make_attack(spec);
    o.loss = only_output;
    const auto a = attack(linear(w), x, kNoTargets, o).to_vector<float>();
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(a[i], x.data<float>()[i] + 2 * w[i] / 13, 1e-4) << spec << " element " << i;
    }
  }
}

// The largest weight takes it all, or the largest ones until they are at their bounds.
TEST(AttackTest, L1OnALinearModelGoesAlongTheLargestWeights) {
  const std::vector<float> w{3.f, -4.f, 0.f, 12.f};
  const Tensor x = Tensor::from({1.f, 2.f, 3.f, 4.f}, {1, 4});
  AttackOptions o = make_attack("l1:eps=2,steps=5,random_start=false");
  o.loss = only_output;
  EXPECT_EQ(attack(linear(w), x, kNoTargets, o).to_vector<float>(),
            (std::vector<float>{1, 2, 3, 6}));
  o.domain = {.low = {0, 1.75, 0, 0}, .high = {9, 9, 9, 4.5}};
  o.steps = 40;
  // 0.5 of element 3, 0.25 of element 1, and the rest of element 0.
  const auto bounded = attack(linear(w), x, kNoTargets, o).to_vector<float>();
  const double expected[] = {2.25, 1.75, 3, 4.5};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(bounded[i], expected[i], 0.15) << i;
  // Radii of rows, in place of the one of all.
  const AttackedModel model{.losses = {}, .gradient = [&](const Tensor& at) {
                              return expand(Tensor::from(w, {4}), at.shape());
                            }};
  o = make_attack("l1:eps=7,steps=3,random_start=false");
  const Tensor two = concat({x, x}, 0);
  EXPECT_EQ(attack(model, two, o, {0, 0.5}).to_vector<float>(),
            (std::vector<float>{1, 2, 3, 4, 1, 2, 3, 4.5}));
}

TEST(NormBall, ProjectionsAreTheNearestPoints) {
  // Duchi et al.: (3, -1, 0.5) onto the L1 ball of radius 2: all get smaller by 1.
  std::vector<double> v = {3, -1, 0.5};
  project_onto_ball(AttackNorm::l1, 2, v);
  EXPECT_EQ(v, (std::vector<double>{2, 0, 0}));
  v = {2, -1.5, 0.5};
  project_onto_ball(AttackNorm::l1, 2.5, v);
  EXPECT_EQ(v, (std::vector<double>{1.5, -1, 0}));
  v = {0.5, -0.25};
  project_onto_ball(AttackNorm::l1, 1, v);
  EXPECT_EQ(v, (std::vector<double>{0.5, -0.25}));
  project_onto_ball(AttackNorm::l1, 0, v);
  EXPECT_EQ(v, (std::vector<double>{0, 0}));
  v = {3, -4};
  project_onto_ball(AttackNorm::l2, 1, v);
  EXPECT_EQ(v, (std::vector<double>{3.0 * 0.2, -4.0 * 0.2}));
  EXPECT_EQ(norm_of(AttackNorm::l1, std::vector<double>{3, -4}), 7);
  EXPECT_EQ(norm_of(AttackNorm::l2, std::vector<double>{3, -4}), 5);
  EXPECT_EQ(norm_of(AttackNorm::linf, std::vector<double>{3, -4}), 4);
}

TEST(AttackTest, LinfPgdOnALinearModelEndsInTheCorner) {
  const std::vector<float> w{3.f, -4.f, 0.5f};
  const Tensor x = Tensor::zeros({1, 3});
  AttackOptions o = make_attack("linf:eps=8/256,steps=10");
  o.loss = only_output;
  EXPECT_EQ(attack(linear(w), x, kNoTargets, o).to_vector<float>(),
            (std::vector<float>{0.03125f, -0.03125f, 0.03125f}));
}

// Raw values are attacked although the model sees normalised ones.
TEST(AttackTest, DistancesAndBoundsAreThoseOfRawValues) {
  AttackOptions o = make_attack("fgsm:eps=0.25");
  o.loss = only_output;
  o.domain = {.mean = {0.5, 0.25}, .deviation = {0.5, 2}, .low = {0}, .high = {1}};
  // [1, 2, 2]: raw values 0.5, 0.9 in channel 0 and 0.25, 0.1 in channel 1.
  const Tensor x = Tensor::from({0.f, 0.8f, 0.f, -0.075f}, {1, 2, 2});
  const Model model = [](const Tensor& in) {
    const Tensor w = Tensor::from({1.f, 1.f, 1.f, -1.f}, {4, 1});
    return matmul(reshape(in, {in.dim(0), 4}), w);
  };
  const auto a = attack(model, x, kNoTargets, o).to_vector<float>();
  const double raw[] = {0.75, 1.0, 0.5, 0.0};
  for (std::size_t i = 0; i < 4; ++i) {
    const double mean = i < 2 ? 0.5 : 0.25, deviation = i < 2 ? 0.5 : 2;
    EXPECT_NEAR(a[i] * deviation + mean, raw[i], 1e-6) << i;
  }
  // L2, without bounds: the raw gradient of the same loss is w / deviation.
  o = make_attack("l2:eps=1,steps=1,random_start=false");
  o.loss = only_output;
  o.domain = {.mean = {0.5, 0.25}, .deviation = {0.5, 2}};
  const auto b = attack(model, x, kNoTargets, o).to_vector<float>();
  const double length = std::sqrt(2 * 4 + 2 * 0.25);
  const double raw_step[] = {2 / length, 2 / length, 0.5 / length, -0.5 / length};
  for (std::size_t i = 0; i < 4; ++i) {
    const double deviation = i < 2 ? 0.5 : 2;
    EXPECT_NEAR((b[i] - x.data<float>()[i]) * deviation, raw_step[i], 1e-6) << i;
  }
}

TEST(AttackTest, NeverLeavesTheBallOrTheBounds) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const std::int64_t n = 24, features = 3 * 25;
    const Tensor x = random_uniform({n, 3, 5, 5}, {5, 1, 0, 0}, 0, 1, dtype);
    const Tensor targets = random_integers({n}, {5, 2, 0, 0}, 0, 4);
    const Model model = network(features, 4, dtype);
    for (const char* spec :
         {"fgsm:eps=0.3", "linf:eps=0.1,steps=5", "linf:eps=8/255,steps=3,step=0.1",
          "l2:eps=0.7,steps=6", "l2:eps=3,steps=4", "l2:eps=1e-4,steps=2", "linf:eps=2,steps=3",
          "l1:eps=2,steps=5", "l1:eps=30,steps=3", "l1:eps=0.01,steps=2"}) {
      AttackOptions o = make_attack(spec);
      o.domain = {.low = {0}, .high = {1, 0.98, 1}};
      const Tensor a = attack(model, x, targets, o);
      ASSERT_EQ(a.spec(), x.spec());
      const auto from = x.to_vector<double>(), to = a.to_vector<double>();
      for (std::size_t r = 0; r < static_cast<std::size_t>(n); ++r) {
        double square = 0, largest = 0, total = 0;
        for (std::size_t i = 0; i < 75; ++i) {
          const std::size_t e = r * 75 + i;
          const double high = i / 25 == 1 ? std::max(0.98, from[e]) : 1;
          ASSERT_GE(to[e], 0) << spec;
          ASSERT_LE(to[e], high) << spec;
          const double d = to[e] - from[e];
          square += d * d;
          largest = std::max(largest, std::abs(d));
          total += std::abs(d);
        }
        const double slack = 1 + 1e-15;
        if (o.norm == AttackNorm::linf) {
          ASSERT_LE(largest, o.epsilon * slack) << spec;
        } else if (o.norm == AttackNorm::l1) {
          ASSERT_LE(total, o.epsilon * (1 + 1e-13)) << spec;  // a sum of 75 rounded numbers
        } else {
          ASSERT_LE(std::sqrt(square), o.epsilon * slack * slack) << spec;
        }
        ASSERT_GT(largest, 0) << spec;
      }
    }
  }
}

TEST(AttackTest, RaisesTheLossAndStepsHelp) {
  const Model model = network(40, 5);
  const Tensor x = random_normal({64, 40}, {9, 1, 0, 0});
  const Tensor targets = argmax(model(x), 1);
  const auto clean = losses(model, x, targets);
  for (const char* norm : {"linf:eps=0.2", "l2:eps=1", "l1:eps=4"}) {
    SCOPED_TRACE(norm);
    const std::string one = std::string(norm) + ",steps=1,random_start=false";
    const std::string many = std::string(norm) + ",steps=20,random_start=false";
    const auto single = losses(model, attack(model, x, targets, make_attack(one)), targets);
    const auto stepped = losses(model, attack(model, x, targets, make_attack(many)), targets);
    for (std::size_t r = 0; r < clean.size(); ++r) EXPECT_GT(stepped[r], clean[r]) << "row " << r;
    EXPECT_GT(mean_of(single), mean_of(clean));
    EXPECT_GT(mean_of(stepped), mean_of(single));
    // Towards a class: its loss shrinks.
    const Tensor wanted = remainder(targets + 1, 5);
    const auto before = losses(model, x, wanted);
    const auto after =
        losses(model, attack(model, x, wanted, make_attack(many + ",targeted")), wanted);
    for (std::size_t r = 0; r < before.size(); ++r) EXPECT_LT(after[r], before[r]) << "row " << r;
  }
}

TEST(AttackTest, ASampleIsAttackedTheSameInAnyBatch) {
  const Model model = network(20, 3);
  const Tensor x = random_normal({7, 20}, {3, 1, 0, 0});
  const Tensor targets = Tensor::from<std::int64_t>({0, 1, 2, 0, 1, 2, 0}, {7});
  for (const char* spec :
       {"linf:eps=0.3,steps=4,restarts=2", "l2:eps=0.8,steps=4", "l1:eps=2,steps=4"}) {
    const AttackOptions o = make_attack(spec);
    const auto whole = attack(model, x, targets, o, {}, 6).to_vector<float>();
    const std::vector<std::int64_t> order{4, 0, 6, 2, 5, 1, 3};
    const Tensor rows = Tensor::from(order, {7});
    for (const std::int64_t cut : {1, 3, 7}) {
      for (std::int64_t begin = 0; begin < 7; begin += cut) {
        const std::int64_t end = std::min<std::int64_t>(begin + cut, 7);
        const Tensor part = narrow(rows, 0, begin, end - begin);
        const auto a = attack(model, index_select(x, 0, part), index_select(targets, 0, part), o,
                              contiguous(part), 6)
                           .to_vector<float>();
        for (std::int64_t r = begin; r < end; ++r) {
          const auto* expected = whole.data() + order[static_cast<std::size_t>(r)] * 20;
          ASSERT_TRUE(std::equal(expected, expected + 20, a.data() + (r - begin) * 20))
              << spec << " cut " << cut << " row " << r;
        }
      }
    }
    // Other draws are other attacks.
    EXPECT_NE(whole, attack(model, x, targets, o, {}, 7).to_vector<float>());
    set_threads(1);
    EXPECT_EQ(whole, attack(model, x, targets, o, {}, 6).to_vector<float>());
    set_threads(0);
  }
}

TEST(AttackTest, RestartsKeepTheWorst) {
  const Model model = network(20, 3);
  const Tensor x = random_normal({16, 20}, {4, 1, 0, 0});
  const Tensor targets = random_integers({16}, {4, 2, 0, 0}, 0, 3);
  const AttackOptions one = make_attack("linf:eps=0.5,steps=1");
  AttackOptions three = one;
  three.restarts = 3;
  std::vector<double> worst(16, 0);
  for (std::uint64_t draw = 6; draw < 9; ++draw) {
    const auto l = losses(model, attack(model, x, targets, one, {}, draw), targets);
    for (std::size_t r = 0; r < 16; ++r) worst[r] = std::max(worst[r], l[r]);
  }
  EXPECT_EQ(losses(model, attack(model, x, targets, three, {}, 2), targets), worst);
}

// At zero gradient the attack stays where it started.
TEST(AttackTest, RandomStartsAreUniformInTheBall) {
  const std::int64_t n = 4000;
  const Model constant = [](const Tensor& x) { return sum(x * 0.0, {1}, true); };
  for (const char* spec : {"linf:eps=0.5,steps=1", "l2:eps=0.5,steps=1", "l1:eps=0.5,steps=1"}) {
    AttackOptions o = make_attack(spec);
    o.loss = only_output;
    const Tensor a = attack(constant, Tensor::zeros({n, 3}), Tensor::zeros({n}, DType::i64), o);
    const auto v = a.to_vector<double>();
    double shift = 0, measure = 0;
    for (std::size_t r = 0; r < static_cast<std::size_t>(n); ++r) {
      double square = 0, largest = 0, total = 0;
      for (std::size_t i = 0; i < 3; ++i) {
        total += std::abs(v[3 * r + i]);
        shift += v[3 * r + i];
        square += v[3 * r + i] * v[3 * r + i];
        largest = std::max(largest, std::abs(v[3 * r + i]));
      }
      // The share of the ball within the radius of the point: uniform in [0, 1].
      const double radius = o.norm == AttackNorm::linf ? largest
                            : o.norm == AttackNorm::l2 ? std::sqrt(square)
                                                       : total;
      measure += std::pow(radius / 0.5, 3);
    }
    // Five standard deviations of the mean of n uniform numbers, and likewise for coordinates.
    EXPECT_NEAR(measure / n, 0.5, 5 * 0.289 / std::sqrt(n)) << spec;
    EXPECT_NEAR(shift / (3 * n), 0, 5 * 0.29 / std::sqrt(3 * n)) << spec;
  }
}

TEST(AttackTest, EdgesOfTheOptions) {
  const Model model = network(4, 3);
  const Tensor x = random_normal({2, 4}, {4, 1, 0, 0});
  const Tensor targets = Tensor::from<std::int64_t>({0, 2}, {2});
  for (const char* spec : {"fgsm:eps=0", "linf:eps=0", "l2:eps=0", "l1:eps=0"}) {
    EXPECT_EQ(attack(model, x, targets, make_attack(spec)).to_vector<float>(),
              x.to_vector<float>());
  }
  EXPECT_EQ(attack(model, Tensor::zeros({0, 4}), Tensor::zeros({0}, DType::i64),
                   make_attack("linf:eps=1"))
                .shape(),
            (Shape{0, 4}));
  AttackOptions o = make_attack("fgsm:eps=1");
  o.epsilon = -1;
  EXPECT_THROW(attack(model, x, targets, o), Error);
  o.epsilon = std::nan("");
  EXPECT_THROW(attack(model, x, targets, o), Error);
  o.epsilon = 1;
  o.steps = 0;
  EXPECT_THROW(attack(model, x, targets, o), Error);
  o.steps = 1;
  o.domain.mean = {1, 2};
  EXPECT_THROW(attack(model, x, targets, o), Error);
  o.domain = {.deviation = {0}};
  EXPECT_THROW(attack(model, x, targets, o), Error);
  o.domain = {.low = {1}, .high = {0}};
  EXPECT_THROW(attack(model, x, targets, o), Error);
  o.domain = {};
  o.l1_share = 0;
  EXPECT_THROW(attack(model, x, targets, o), Error);
  o.l1_share = 0.01;
  EXPECT_THROW(attack(AttackedModel{}, x, o, {1, 2, 3}), Error);
  EXPECT_THROW(attack(AttackedModel{}, x, o, {1, -2}), Error);
  EXPECT_THROW(attack(model, x, Tensor::zeros({3}, DType::i64), o), Error);
  EXPECT_THROW(attack(model, x, targets, o, Tensor::zeros({3}, DType::i64)), Error);
  EXPECT_THROW(attack(model, cast(x, DType::i64), targets, o), Error);
  EXPECT_THROW(attack([](const Tensor& in) { return in / 0.0; }, x, targets, o), Error);
  o.loss = [](const Tensor& outputs, const Tensor&) { return mean(outputs); };
  EXPECT_THROW(attack(model, x, targets, o), Error);
}

TEST(AttackTest, Text) {
  const AttackOptions o = make_attack("linf:eps=8/255,steps=7,step=2/255,restarts=3,targeted");
  EXPECT_EQ(o.norm, AttackNorm::linf);
  EXPECT_DOUBLE_EQ(o.epsilon, 8.0 / 255);
  EXPECT_DOUBLE_EQ(o.step_size, 2.0 / 255);
  EXPECT_EQ(o.steps, 7);
  EXPECT_EQ(o.restarts, 3);
  EXPECT_TRUE(o.targeted);
  EXPECT_TRUE(o.random_start);
  for (const char* spec :
       {"fgsm:eps=0.3", "l2:eps=2,steps=10", "l1:eps=12", "linf:eps=8/255,step=1/255",
        "linf:eps=1,random_start=false,restarts=2,targeted"}) {
    const std::string text = describe(make_attack(spec));
    EXPECT_EQ(describe(make_attack(text)), text);
    EXPECT_EQ(make_attack(text).epsilon, make_attack(spec).epsilon);
  }
  for (const char* spec :
       {"pgd:eps=1", "linf", "linf:eps", "linf:eps=x", "linf:eps=-1", "linf:eps=1/0",
        "linf:eps=0/0", "linf:eps=1,steps=0", "linf:eps=1,foo=2", "l2:eps=1,restarts=-1", ""}) {
    EXPECT_THROW(make_attack(spec), Error) << spec;
  }
}

}  // namespace
}  // namespace ingrad
