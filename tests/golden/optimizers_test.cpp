// SPDX-License-Identifier: Apache-2.0
// Every optimiser for 50 steps on the small regression of families/optimizers.py: the loss of each
// step and the parameters after some of them, in f32 and f64.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/ops/elementwise.h"
#include "engine/ops/losses.h"
#include "engine/ops/matmul.h"
#include "engine/ops/slice.h"
#include "engine/optim/optimizers.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

const Shape kShapes[] = {{4, 3}, {4}, {2, 4}, {2}};
const char* const kNames[] = {"w1", "b1", "w2", "b2"};

// PyTorch's options as the text that make_optimizer takes.
std::string spec_of(const Case& c) {
  std::string text = c.op + ":";
  for (const auto& [key, value] : c.attrs.items()) {
    if (key == "steps") continue;
    if (text.back() != ':') text += ',';
    if (key == "betas") {
      text += fmt::format("beta1={},beta2={}", value[0].get<double>(), value[1].get<double>());
    } else if (key == "line_search_fn") {
      text += value.get<std::string>();
    } else if (value.is_boolean()) {
      text += fmt::format("{}={}", key, value.get<bool>());
    } else {
      text += fmt::format("{}={}", key, value.get<double>());
    }
  }
  return text;
}

NamedTensors parameters_from(const Tensor& flat) {
  NamedTensors parameters;
  const std::vector<double> values = flat.to_vector<double>();
  std::size_t next = 0;
  for (std::size_t i = 0; i < std::size(kShapes); ++i) {
    const auto size = static_cast<std::size_t>(kShapes[i].size());
    const Tensor part = Tensor::from<double>(std::span(values).subspan(next, size), kShapes[i]);
    parameters.push_back({kNames[i], as_dtype(part, flat.dtype())});
    next += size;
  }
  return parameters;
}

// One run of a case's optimiser.
class Training {
 public:
  Training(const Case& c, DType dtype)
      : x_(as_dtype(c.inputs[0], dtype)),
        target_(as_dtype(c.inputs[1], dtype)),
        parameters_(parameters_from(as_dtype(c.inputs[2], dtype))),
        optimizer_(make_optimizer(spec_of(c), one_group(parameters_))) {}

  // The loss before the step.
  double step() {
    const ScalarFn loss = [&](std::span<const Tensor> p) {
      return mse_loss(linear(tanh(linear(x_, p[0], p[1])), p[2], p[3]), target_);
    };
    return optimizer_->step([&] {
      std::vector<Tensor> now;
      for (const NamedTensor& p : parameters_) now.push_back(p.tensor);
      return value_and_grad(loss, now);
    });
  }

  Tensor flat() const {
    std::vector<double> all;
    for (const NamedTensor& p : parameters_) {
      const auto values = p.tensor.to_vector<double>();
      all.insert(all.end(), values.begin(), values.end());
    }
    const auto size = static_cast<std::int64_t>(all.size());
    return Tensor::from<double>(all, {size});
  }

  // Parameters and state of another run, rounded to this one's dtypes.
  void continue_from(const Training& other) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Tensor& to = parameters_[i].tensor;
      to.assign(as_dtype(other.parameters_[i].tensor, to.dtype()));
    }
    std::map<std::string, DType> own;
    for (const NamedTensor& s : optimizer_->state()) own[s.name] = s.tensor.dtype();
    NamedTensors state;
    for (const NamedTensor& s : other.optimizer_->state()) {
      const auto found = own.find(s.name);
      state.push_back({s.name, found == own.end() ? s.tensor : as_dtype(s.tensor, found->second)});
    }
    optimizer_->load_state(state);
  }

 private:
  Tensor x_, target_;
  NamedTensors parameters_;
  std::unique_ptr<Optimizer> optimizer_;
};

void check_trajectory(const Case& c, DType dtype, double tolerance) {
  Training run(c, dtype);
  const std::vector<std::int64_t> recorded = ints(c.attrs["steps"]);
  const std::vector<double> losses = c.outputs[1].to_vector<double>();
  std::size_t row = 0;
  for (std::int64_t step = 0;; ++step) {
    if (step == recorded[row]) {
      expect_close(run.flat(), select(c.outputs[0], 0, static_cast<std::int64_t>(row)), tolerance,
                   fmt::format("{} parameters after step {} in {}", c.id, step, name_of(dtype)));
      if (++row == recorded.size()) break;
    }
    EXPECT_NEAR(run.step(), losses[static_cast<std::size_t>(step)], tolerance * losses[0])
        << c.id << " loss before step " << step + 1 << " in " << name_of(dtype);
    if (testing::Test::HasFailure()) return;  // the first step that differs says it all
  }
}

// Along these the rounding of f32 grows beyond 1e-5 (PyTorch's own f32 runs stray by 1e-5 to 4e-3),
// so that f32 can be held to them one step at a time only.
const std::set<std::string> kSensitive = {"adadelta.20", "nadam.22", "lbfgs.29", "lbfgs.30",
                                          "lbfgs.31",    "lbfgs.32", "lbfgs.34"};

std::vector<std::string> case_ids() {
  std::vector<std::string> ids;
  for (const Case& c : read("optimizers").cases) ids.push_back(c.id);
  return ids;
}

class Optimizers : public testing::TestWithParam<std::string> {
 protected:
  const Case& golden_case() const {
    for (const Case& c : read("optimizers").cases) {
      if (c.id == GetParam()) return c;
    }
    throw Error("no case " + GetParam());
  }
};

TEST_P(Optimizers, FollowsPyTorchInF64) {
  check_trajectory(golden_case(), DType::f64, kF64Tolerance);
}

TEST_P(Optimizers, FollowsPyTorchInF32) {
  if (kSensitive.contains(GetParam())) GTEST_SKIP() << "see EachStepInF32";
  check_trajectory(golden_case(), DType::f32, 1e-5);
}

// Every step in f32 from where the f64 run is (which follows PyTorch) leads to where that goes.
TEST_P(Optimizers, EachStepInF32) {
  const Case& c = golden_case();
  Training exact(c, DType::f64);
  for (std::int64_t step = 1; step <= ints(c.attrs["steps"]).back(); ++step) {
    Training rounded(c, DType::f32);
    rounded.continue_from(exact);
    rounded.step();
    exact.step();
    expect_close(rounded.flat(), exact.flat(), 1e-5, fmt::format("{} step {}", c.id, step));
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Optimizers, testing::ValuesIn(case_ids()), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

}  // namespace
}  // namespace ingrad::golden
