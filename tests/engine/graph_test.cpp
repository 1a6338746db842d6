// SPDX-License-Identifier: Apache-2.0
// Traced programs: the same bits as immediate execution, for values and derivatives of any order.
#include "engine/graph.h"

#include <gtest/gtest.h>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"

namespace ingrad {
namespace {

using In = std::span<const Tensor>;

const Tensor kX = Tensor::from<double>({0.3, -1.2, 2, 0.7, 0.1, -0.4}, Shape{2, 3});
const Tensor kW = Tensor::from<double>({1, 0.2, -0.5, 0.4, 0.9, -0.3}, Shape{2, 3});

std::vector<TensorSpec> specs_of(In tensors) {
  std::vector<TensorSpec> specs;
  for (const Tensor& t : tensors) specs.push_back(t.spec());
  return specs;
}

Tensor net(In in) { return sum(square(tanh(linear(in[0], in[1])))); }

void expect_program_equals(const MultiFn& f, const std::vector<Tensor>& inputs) {
  const auto graph = trace(f, specs_of(inputs));
  const auto expected = f(inputs), got = graph->run(inputs);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].spec(), expected[i].spec());
    EXPECT_EQ(got[i].to_vector<double>(), expected[i].to_vector<double>()) << i;
  }
}

TEST(Trace, ValuesGradientsAndGradientsOfGradients) {
  const std::vector<Tensor> in = {kX, kW};
  expect_program_equals([](In x) { return std::vector<Tensor>{net(x)}; }, in);
  const MultiFn slope = [](In x) { return grad(net, x); };
  expect_program_equals(slope, in);
  expect_program_equals(
      [&](In x) {
        const ScalarFn penalty = [&](In y) { return sum(square(slope(y)[0])); };
        return grad(penalty, x);
      },
      in);
  const std::vector<Tensor> directions = {kW, kX};
  expect_program_equals([&](In x) { return hvp(net, x, directions); }, in);
  expect_program_equals([&](In x) { return jvp(slope, x, directions).tangents; }, in);
  expect_program_equals(
      [](In x) {
        return std::vector<Tensor>{
            jacobian([&](const Tensor& t) { return linear(t, x[1]); }, x[0])};
      },
      in);
}

TEST(Trace, ServesOtherInputsThanItSaw) {
  const std::vector<TensorSpec> specs = specs_of(std::vector<Tensor>{kX, kW});
  const auto graph = trace([](In x) { return grad(net, x); }, specs);
  const std::vector<Tensor> other = {kX * 2 + 1, kW - 3};
  EXPECT_EQ(graph->run(other)[0].to_vector<double>(), grad(net, other)[0].to_vector<double>());
  EXPECT_EQ(graph->inputs().size(), 2u);
  EXPECT_EQ(graph->outputs().size(), 2u);
  EXPECT_FALSE(graph->calls().empty());
  EXPECT_NE(graph->str().find("tanh"), std::string::npos);
}

TEST(Trace, CapturesConstantsAndPassesInputsThrough) {
  const std::vector<TensorSpec> specs = {kX.spec()};
  const auto graph = trace([](In x) { return std::vector<Tensor>{linear(x[0], kW), x[0], kW}; }, specs);
  const auto got = graph->run({&kX, 1});
  EXPECT_EQ(got[0].to_vector<double>(), linear(kX, kW).to_vector<double>());
  EXPECT_TRUE(got[1].same_as(kX));
  EXPECT_TRUE(got[2].same_as(kW));
}

// Running a program on tracked tensors records the ops that it runs.
TEST(Trace, ProgramsAreDifferentiable) {
  const std::vector<Tensor> in = {kX, kW};
  const auto graph = trace([](In x) { return std::vector<Tensor>{net(x)}; }, specs_of(in));
  const ScalarFn run = [&](In x) { return graph->run(x)[0]; };
  EXPECT_EQ(grad(run, in)[1].to_vector<double>(), grad(net, in)[1].to_vector<double>());
}

TEST(Trace, ControlFlowByValuesIsAnError) {
  const std::vector<TensorSpec> specs = {kX.spec()};
  const auto message = [&](const GraphFn& f) {
    try {
      trace(f, specs);
    } catch (const Error& e) {
      return e.message();
    }
    ADD_FAILURE() << "expected an Error";
    return std::string();
  };
  const auto by_item = message([](In x) {
    return std::vector<Tensor>{sum(x[0]).item() > 0 ? x[0] : x[0] * 2};
  });
  EXPECT_NE(by_item.find("traced program"), std::string::npos) << by_item;
  message([](In x) { return std::vector<Tensor>{x[0] * x[0].to_vector<double>()[0]}; });
  message([](In x) { return std::vector<Tensor>{x[0] * x[0].data<double>()[0]}; });
  message([](In x) {
    Tensor::zeros(x[0].shape(), DType::f64).assign(x[0]);
    return std::vector<Tensor>{x[0]};
  });
}

TEST(Trace, RefusesWhatDoesNotFit) {
  const std::vector<TensorSpec> specs = {kX.spec()};
  const auto graph = trace([](In x) { return std::vector<Tensor>{x[0] * 2}; }, specs);
  EXPECT_THROW(graph->run({}), Error);
  const Tensor wide = Tensor::zeros(Shape{2, 4}, DType::f64), single = Tensor::zeros(Shape{2, 3});
  EXPECT_THROW(graph->run({&wide, 1}), Error);
  EXPECT_THROW(graph->run({&single, 1}), Error);
  EXPECT_THROW(trace([](In) { return std::vector<Tensor>{Tensor()}; }, specs), Error);
  // A value of one program is nothing in another.
  Tensor escaped;
  trace([&](In x) {
    escaped = x[0] * 2;
    return std::vector<Tensor>{escaped};
  }, specs);
  EXPECT_THROW(trace([&](In x) { return std::vector<Tensor>{x[0] + escaped}; }, specs), Error);
  EXPECT_THROW(escaped.to_vector<double>(), Error);
}

}  // namespace
}  // namespace ingrad
