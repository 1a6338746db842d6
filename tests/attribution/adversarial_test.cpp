// SPDX-License-Identifier: Apache-2.0
// Adversarial examples: linear models in closed form, and what is promised on any model.
#include "attribution/adversarial/adversarial.h"

#include <gmock/gmock.h>

#include <cmath>

#include "engine/ops/losses.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "tests/attribution/expectations.h"
#include "tests/attribution/toy_models.h"

namespace ingrad {
namespace {

// Two classes, outputs 0 and w x - 1: the boundary is w x = 1.
const std::vector<float> kWeights = {3, -4, 0, 1};
ModelFn two_classes() {
  std::vector<float> w(4, 0);
  w.insert(w.end(), kWeights.begin(), kWeights.end());
  return affine(Tensor::from(w, Shape{2, 4}), Tensor::from<float>({0, -1}, Shape{2}));
}

TEST(Adversarial, FgsmOnALinearModel) {
  // w x - 1: -1 at zero and -0.6 at the second sample; eps = 0.1 moves it by 0.1 |w|_1 = 0.8.
  const Tensor x = Tensor::from<float>({0, 0, 0, 0, 0.1F, 0, 0, 0.1F}, Shape{2, 4});
  const AdversarialExamples a =
      find_adversarial_examples(two_classes(), x, make_attack("fgsm:eps=0.1"));
  // Rounded towards the sample.
  const auto v = a.inputs.to_vector<double>();
  const double first[] = {0.1, -0.1, 0, 0.1};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(v[i], first[i], 1e-8);
  EXPECT_EQ(a.targets, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(a.before, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(a.after, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(a.success, (std::vector<char>{0, 1}));
  EXPECT_NEAR(a.linf[0], 0.1, 1e-8);
  EXPECT_NEAR(a.l2[0], 0.1 * std::sqrt(3.0), 2e-8);
  EXPECT_NEAR(a.l1[0], 0.3, 3e-8);
  // Cross entropies log(1 + exp(z)) of margins z.
  EXPECT_NEAR(a.loss_before[0], std::log1p(std::exp(-1)), 1e-6);
  EXPECT_NEAR(a.loss_after[0], std::log1p(std::exp(-0.2)), 1e-6);
  EXPECT_EQ(a.cost.gradient_rows, 2);
  EXPECT_EQ(a.cost.forward_rows, 3 * 2);
  EXPECT_EQ(a.attack, "linf:eps=0.1,steps=1,random_start=false");
}

// The same as attack() in the engine, op by op.
TEST(Adversarial, PgdIsThatOfTraining) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(130, Shape{7, 6});
  const std::vector<std::int64_t> classes = {0, 1, 2, 0, 1, 2, 0};
  for (const char* spec : {"linf:eps=0.2,steps=4", "l2:eps=0.6,steps=5,restarts=3",
                           "l1:eps=1,steps=6", "linf:eps=0.3,steps=3,targeted"}) {
    const AttackOptions o = make_attack(spec);
    const Tensor numbers = Tensor::arange(7) + Tensor::full(Shape{}, 10, DType::i64);
    const Tensor expected = attack(model, x, Tensor::from(classes, {7}), o, numbers, 0);
    const AdversarialExamples a = find_adversarial_examples(
        model, x, o, {.target = Target::per_sample(classes), .first_sample = 10});
    const auto got = a.inputs.to_vector<double>(), want = expected.to_vector<double>();
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5) << spec;
    EXPECT_EQ(a.cost.gradient_rows, 7 * o.steps * o.restarts) << spec;
    EXPECT_EQ(a.cost.forward_rows, 7 * (3 + (o.restarts > 1 ? o.restarts : 0))) << spec;
    for (std::size_t s = 0; s < 7; ++s) {
      EXPECT_LE((o.norm == AttackNorm::linf ? a.linf
                 : o.norm == AttackNorm::l2 ? a.l2
                                            : a.l1)[s],
                o.epsilon)
          << spec;
      EXPECT_EQ(
          o.targeted ? a.loss_after[s] < a.loss_before[s] : a.loss_after[s] > a.loss_before[s],
          true)
          << spec;
      EXPECT_EQ(a.success[s] != 0, (a.after[s] == classes[s]) == o.targeted) << spec;
    }
  }
}

TEST(Adversarial, RestartsKeepTheWorst) {
  const ModelFn model = mlp(6, 3, true);
  const Tensor x = noise(131, Shape{5, 6});
  AttackOptions o = make_attack("linf:eps=1,steps=1,restarts=4");
  const auto best = find_adversarial_examples(model, x, o).loss_after;
  o.restarts = 1;
  const auto one = find_adversarial_examples(model, x, o).loss_after;
  bool is_better = false;
  for (std::size_t s = 0; s < 5; ++s) {
    EXPECT_GE(best[s], one[s]);
    is_better = is_better || best[s] > one[s];
  }
  EXPECT_TRUE(is_better);
}

// Raw values in [0, 1] with deviations 0.5 and 0.25: distances and bounds are those of raw values.
TEST(Adversarial, KnowsTheUnitsAndBoundsOfTheData) {
  const ModelFn model = mlp(2, 3, true);
  const Tensor x = Tensor::from<float>({0.9F, -0.9F, 0, 0}, Shape{2, 2});
  AttackOptions o = make_attack("linf:eps=0.1,steps=5");
  o.domain = {.mean = {0.5, 0.5}, .deviation = {0.5, 0.25}, .low = {0}, .high = {1}};
  const AdversarialExamples a = find_adversarial_examples(model, x, o);
  const auto v = a.inputs.to_vector<double>();
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_LE(a.linf[s], 0.1);
    EXPECT_LE(std::abs(v[2 * s]), 1);
    EXPECT_LE(std::abs(v[2 * s + 1]), 2);
  }
  const double first = 0.5 * (v[2] - 0), second = 0.25 * (v[3] - 0);
  EXPECT_DOUBLE_EQ(a.l2[1], std::hypot(first, second));
}

// The distance of a hyperplane: margin over the dual norm of its weights.
TEST(MinimalPerturbation, OfALinearModel) {
  const Tensor x = Tensor::from<float>({0, 0, 0, 0, 0.1F, 0, 0, 0.1F}, Shape{2, 4});
  const struct {
    const char* spec;
    double dual;
  } cases[] = {{"linf:eps=1,steps=5", 8},
               {"l1:eps=1,steps=5", 4},
               {"l2:eps=1,steps=5,random_start=false", std::sqrt(26.0)}};
  for (const auto& c : cases) {
    const MinimalPerturbationOptions o{.attack = make_attack(c.spec), .bisections = 16};
    const AdversarialExamples a = find_minimal_perturbations(two_classes(), x, o);
    const double margins[] = {1, 0.6};
    for (std::size_t s = 0; s < 2; ++s) {
      // The boundary itself belongs to class 0; f32 rounds at 1e-7.
      EXPECT_NEAR(a.radius[s], margins[s] / c.dual, 4e-5) << c.spec << " " << s;
      EXPECT_GE(a.radius[s], margins[s] / c.dual - 1e-6) << c.spec << " " << s;
      EXPECT_TRUE(a.success[s]) << c.spec;
      EXPECT_EQ(a.after[s], 1) << c.spec;
      const double found = (a.attack[1] == 'i' ? a.linf : a.attack[1] == '2' ? a.l2 : a.l1)[s];
      EXPECT_NEAR(found, a.radius[s], 1e-7) << c.spec;
    }
  }
}

TEST(MinimalPerturbation, KnowsWhenThereIsNoneAndWhenNoneIsNeeded) {
  const Tensor x = Tensor::from<float>({0, 0, 0, 0, 1, 0, 0, 0}, Shape{2, 4});
  const ExplainOptions zero{.target = Target::one(0)};
  // The first is 1/8 from the boundary, the second is in class 1 already.
  const AdversarialExamples a =
      find_minimal_perturbations(two_classes(), x, {.attack = make_attack("linf:eps=0.1")}, zero);
  EXPECT_TRUE(std::isinf(a.radius[0]));
  EXPECT_EQ(a.radius[1], 0);
  EXPECT_EQ(a.success, (std::vector<char>{0, 1}));
  EXPECT_EQ(a.inputs.to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(a.linf, (std::vector<double>{0, 0}));
  // One attack that fails, of ten steps.
  EXPECT_EQ(a.cost.gradient_rows, 10);
  // Towards class 1.
  AttackOptions targeted = make_attack("linf:eps=1,targeted");
  const AdversarialExamples b = find_minimal_perturbations(
      two_classes(), x, {.attack = targeted, .bisections = 16}, {.target = Target::one(1)});
  EXPECT_NEAR(b.radius[0], 0.125, 4e-5);
  EXPECT_EQ(b.radius[1], 0);
}

// P12, P20: the same bits in any batch and below any cap; alone or among others.
TEST(Adversarial, KeepsThePromisesOfThePool) {
  const ModelFn model = conv_net();
  const Tensor x = noise(132, Shape{6, 2, 8, 8});
  const AttackOptions pgd = make_attack("l2:eps=1,steps=4,restarts=2");
  const AttackOptions wide = make_attack("l2:eps=8,steps=4,restarts=2");
  const auto both = [&](const Tensor& in, const ExplainOptions& o) {
    return std::vector{find_adversarial_examples(model, in, pgd, o),
                       find_minimal_perturbations(model, in, {.attack = wide, .bisections = 4}, o)};
  };
  const auto whole = both(x, {});
  const auto check = [&](const std::vector<AdversarialExamples>& again, const std::string& what) {
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(again[i].inputs.to_vector<float>(), whole[i].inputs.to_vector<float>()) << what;
      EXPECT_EQ(again[i].radius, whole[i].radius) << what;
      EXPECT_EQ(again[i].loss_after, whole[i].loss_after) << what;
    }
  };
  for (const std::int64_t rows : {1, 4, 256}) {
    check(both(x, {.pool = {.max_rows = rows}}), std::to_string(rows));
  }
  for (const std::int64_t cap : {90'000, 200'000, 800'000}) {
    const auto capped = both(x, {.pool = {.memory_bytes = cap}});
    check(capped, std::to_string(cap));
    for (const AdversarialExamples& a : capped) EXPECT_LE(a.cost.peak_bytes, cap);
  }
  const auto third = both(narrow(x, 0, 2, 1), {.first_sample = 2});
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(third[i].inputs.to_vector<float>(),
              narrow(whole[i].inputs, 0, 2, 1).to_vector<float>());
  }
  const auto eager = both(x, {.pool = {.planned = false}});
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(eager[0].loss_after[i], whole[0].loss_after[i], 1e-4);
    EXPECT_TRUE(std::isfinite(whole[1].radius[i]));
    EXPECT_NEAR(eager[1].radius[i], whole[1].radius[i], 1e-3);
  }
}

// A loss of one's own: outputs are pushed down, whatever their class.
TEST(Adversarial, TakesAnyLoss) {
  const ModelFn model = two_classes();
  const Tensor x = noise(133, Shape{3, 4}, 0.1);
  AttackOptions o = make_attack("linf:eps=0.5,steps=3");
  o.loss = [](const Tensor& outputs, const Tensor&) { return sum(outputs, {1}) * -1.0; };
  const AdversarialExamples a = find_adversarial_examples(model, x, o);
  const auto v = (a.inputs - x).to_vector<double>();
  for (std::size_t s = 0; s < 3; ++s) {
    EXPECT_NEAR(v[4 * s], -0.5, 1e-6);
    EXPECT_NEAR(v[4 * s + 1], 0.5, 1e-6);
    EXPECT_NEAR(v[4 * s + 3], -0.5, 1e-6);
  }
  o.loss = [](const Tensor& outputs, const Tensor&) { return outputs; };
  expect_refusal([&] { find_adversarial_examples(model, x, o); }, "expected one for each of");
}

TEST(Adversarial, Refusals) {
  const ModelFn model = two_classes();
  const Tensor x = noise(134, Shape{3, 4});
  AttackOptions o = make_attack("linf:eps=1");
  expect_refusal(
      [&] {
        find_adversarial_examples(model, x, o, {.target = Target::several({0, 1})});
      },
      "one class per sample");
  expect_refusal([&] { find_adversarial_examples(model, x, o, {.target = Target::one(2)}); },
                 "target 2");
  expect_refusal(
      [&] {
        find_adversarial_examples(model, Tensor::full(Shape{1, 4}, NAN), o);
      },
      "nan");
  o.epsilon = -1;
  expect_refusal([&] { find_adversarial_examples(model, x, o); }, "epsilon is -1");
  expect_refusal([&] { find_minimal_perturbations(model, x, {.attack = o}); }, "positive radius");
  o = make_attack("l1:eps=1");
  o.l1_share = 0;
  expect_refusal([&] { find_adversarial_examples(model, x, o); }, "share of 0");
  o = make_attack("l2:eps=1");
  expect_refusal([&] { find_minimal_perturbations(model, x, {.attack = o, .bisections = -1}); },
                 "-1 bisections");
  o.domain.low = {1, 2, 3};
  expect_refusal([&] { find_adversarial_examples(model, x, o); }, "3 values of the lower bound");
}

}  // namespace
}  // namespace ingrad
