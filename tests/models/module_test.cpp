// SPDX-License-Identifier: Apache-2.0
// What all modules share: names, initial values, loading, passes, errors that name the module.
#include "models/module.h"

#include <gtest/gtest.h>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "models/layers/activation.h"
#include "models/layers/batch_norm.h"
#include "models/layers/dropout.h"
#include "models/layers/linear.h"
#include "models/layers/sequential.h"

namespace ingrad {
namespace {

std::vector<std::string> names(const NamedTensors& tensors) {
  std::vector<std::string> all;
  for (const auto& t : tensors) all.push_back(t.name);
  return all;
}

std::vector<float> values(const NamedTensors& tensors) {
  std::vector<float> all;
  for (const auto& t : tensors) {
    const auto v = t.tensor.to_vector<float>();
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}

std::unique_ptr<Sequential> small_net(std::uint64_t seed = 1) {
  auto net = std::make_unique<Sequential>();
  net->add<Linear>(3, 4);
  net->add<BatchNorm>(4);
  net->add<Activation>("relu");
  net->add<Dropout>(0.5);
  net->append("head", std::make_unique<Linear>(4, 2));
  net->initialize(seed);
  return net;
}

Tensor input(std::int64_t rows) { return random_normal({rows, 3}, {5, 5, 0, 0}); }

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Module, NamesAreThoseOfAStateDict) {
  const auto net = small_net();
  EXPECT_EQ(names(net->parameters()),
            (std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "head.weight",
                                      "head.bias"}));
  EXPECT_EQ(names(net->buffers()), (std::vector<std::string>{"1.running_mean", "1.running_var"}));
  EXPECT_EQ(names(net->state()),
            (std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean",
                                      "1.running_var", "head.weight", "head.bias"}));
  EXPECT_EQ(net->parameter_count(), 12 + 4 + 8 + 8 + 2);
  EXPECT_EQ(net->modules()[5].first, "head");
  EXPECT_EQ(net->modules()[5].second->path(), "head");
}

TEST(Module, InitialValuesDependOnSeedAndPathAlone) {
  const auto net = small_net(3);
  const auto first = values(net->state());
  EXPECT_EQ(first, values(small_net(3)->state()));
  EXPECT_NE(first, values(small_net(4)->state()));
  for (const auto& p : net->state()) p.tensor.assign(Tensor::full(p.tensor.shape(), 9));
  net->initialize(3);
  EXPECT_EQ(first, values(net->state()));
  // The same layer under the same name in another model.
  Sequential other;
  other.append("head", std::make_unique<Linear>(4, 2));
  other.initialize(3);
  EXPECT_EQ(other.state()[0].tensor.to_vector<float>(), net->state()[6].tensor.to_vector<float>());
}

TEST(Module, LoadStateIsAllOrNothing) {
  const auto net = small_net(1), other = small_net(2);
  const auto before = values(net->state());

  NamedTensors given = other->state();
  given.erase(given.begin() + 1);
  given.push_back({"tail.weight", Tensor::zeros({2})});
  given[0].tensor = Tensor::zeros({4, 5});
  const std::string message = message_of([&] { net->load_state(given); });
  EXPECT_NE(message.find("missing: 0.bias"), std::string::npos) << message;
  EXPECT_NE(message.find("unexpected: tail.weight"), std::string::npos) << message;
  EXPECT_NE(message.find("0.weight is [4, 5], not [4, 3]"), std::string::npos) << message;
  EXPECT_NE(message.find("module_test.cpp"), std::string::npos) << message;
  EXPECT_EQ(values(net->state()), before);

  // Another dtype is converted; the counter that PyTorch adds is ignored.
  given = other->state();
  for (auto& t : given) t.tensor = cast(t.tensor, DType::f64);
  given.push_back({"1.num_batches_tracked", Tensor::scalar(7, DType::i64)});
  net->load_state(given);
  EXPECT_EQ(values(net->state()), values(other->state()));
}

TEST(Module, TrainingQueuesUpdatesAndLeavesTheModelAlone) {
  const auto net = small_net();
  const Tensor x = input(8);
  const auto before = values(net->state());
  Pass pass(Mode::train, 1, 0);
  const Tensor y = net->run(x, pass);
  EXPECT_EQ(values(net->state()), before);
  pass.apply_updates();
  const auto after = values(net->buffers());
  EXPECT_NE(after, (std::vector<float>{0, 0, 0, 0, 1, 1, 1, 1}));
  pass.apply_updates();  // nothing is left
  EXPECT_EQ(values(net->buffers()), after);

  // A pass with the same seed and step gives the same values, another step others.
  Pass again(Mode::train, 1, 0), next(Mode::train, 1, 1);
  EXPECT_EQ(net->run(x, again).to_vector<float>(), y.to_vector<float>());
  EXPECT_NE(net->run(x, next).to_vector<float>(), y.to_vector<float>());
}

TEST(Module, StandInsTakeThePlaceOfParameters) {
  const auto net = small_net();
  const Tensor x = input(4);
  const NamedTensors parameters = net->parameters();
  std::vector<Tensor> leaves;
  for (const auto& p : parameters) leaves.push_back(p.tensor.track());
  Pass pass;
  pass.substitute(parameters, leaves);
  const Tensor y = sum(net->run(x, pass));
  EXPECT_TRUE(y.is_tracked());
  const Tensor g = gradient(y, leaves.back());  // d sum / d bias of the head
  EXPECT_EQ(g.to_vector<float>(), (std::vector<float>{4, 4}));
  EXPECT_FALSE((*net)(x).is_tracked());

  std::vector<Tensor> unfit = leaves;
  unfit[0] = Tensor::zeros({1});
  Pass other;
  EXPECT_THROW(other.substitute(parameters, unfit), Error);
  unfit.pop_back();
  EXPECT_THROW(other.substitute(parameters, unfit), Error);
}

TEST(Module, TapsNameEveryOutput) {
  const auto net = small_net();
  const Tensor x = input(4).track();
  Pass pass;
  pass.taps = true;
  const Tensor y = net->run(x, pass);
  std::vector<std::string> found;
  for (const auto& [name, tensor] : taps(y)) found.push_back(name);
  EXPECT_EQ(found, (std::vector<std::string>{"0", "1", "2", "3", "head"}));
  EXPECT_EQ(find_tap(y, "0").shape(), (Shape{4, 4}));
}

TEST(Module, ErrorsNameTheModuleAndTheUsersLine) {
  const auto net = small_net();
  const std::string message = message_of([&] { (*net)(Tensor::zeros({2, 5})); });
  EXPECT_TRUE(message.starts_with("0: Linear(3, 4): ")) << message;
  EXPECT_NE(message.find("module_test.cpp"), std::string::npos) << message;
  EXPECT_THROW(Linear(3, 2, {.dtype = DType::i64}), Error);
}

TEST(Module, SharedParametersCountOnce) {
  class Tied : public Module {
   public:
    Tied() {
      auto& first = add_module("first", std::make_unique<Linear>(2, 2));
      share_parameter("weight", first.weight());
    }
    std::string describe() const override { return "Tied"; }

   private:
    Tensor forward(const Tensor& x, Pass&) const override { return x; }
  };
  Tied tied;
  tied.initialize(1);
  EXPECT_EQ(names(tied.state()),
            (std::vector<std::string>{"weight", "first.weight", "first.bias"}));
  EXPECT_EQ(tied.parameter_count(), 6);
  const auto state = tied.state();
  EXPECT_EQ(state[0].tensor.to_vector<float>(), state[1].tensor.to_vector<float>());
}

}  // namespace
}  // namespace ingrad
