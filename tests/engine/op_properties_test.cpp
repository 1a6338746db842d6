// SPDX-License-Identifier: Apache-2.0
// What every op of the table owes: kernels that agree with the double reference on every instruction
// set, derivatives that agree with differences, and the same results in a traced program. Everything
// is generated from the ops' samples.
#include <cmath>

#include "engine/builder.h"
#include "engine/gradcheck.h"
#include "engine/graph.h"
#include "tests/engine/op_testing.h"

namespace ingrad {
namespace {

class OpProperties : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    op_ = &find_op(GetParam());
    samples_ = op_->samples();
    ASSERT_FALSE(samples_.empty()) << op_->name << " has no samples";
  }
  void TearDown() override { kernels::force_isa("auto"); }

  const OpDef* op_ = nullptr;
  std::vector<Sample> samples_;
};

TEST_P(OpProperties, KernelsAgreeWithTheReference) {
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    const std::string what = describe(*op_, s, i);
    const std::vector<Tensor> expected = evaluate(*op_, s.attrs, s.inputs, Backend::reference);
    if (op_->eval && op_->expand) {
      const std::vector<Tensor> defined = op_->expand(s.attrs, s.inputs);
      ASSERT_EQ(defined.size(), expected.size()) << what;
      for (std::size_t k = 0; k < expected.size(); ++k) {
        EXPECT_LE(worst_error(defined[k], expected[k]), 1e-9) << what << ": definition " << k;
      }
    }
    // The reference must see what the f32 kernel sees, or the comparison measures the inputs.
    const std::vector<Tensor> rounded = as_dtype(as_dtype(s.inputs, DType::f32), DType::f64);
    const std::vector<Tensor> expected_f32 = evaluate(*op_, s.attrs, rounded, Backend::reference);
    for (const std::string_view isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::force_isa(isa));
      const auto f64 = apply(*op_, s.attrs, s.inputs);
      ASSERT_EQ(f64.size(), expected.size()) << what;
      for (std::size_t k = 0; k < f64.size(); ++k) {
        EXPECT_EQ(f64[k].spec(), expected[k].spec()) << what;
        EXPECT_LE(worst_error(f64[k], expected[k]), 1e-11) << what << " f64 " << isa;
      }
      const auto f32 = apply(*op_, s.attrs, as_dtype(s.inputs, DType::f32));
      for (std::size_t k = 0; k < f32.size(); ++k) {
        EXPECT_EQ(f32[k].shape(), expected[k].shape()) << what;
        EXPECT_LE(worst_error(f32[k], expected_f32[k]), s.f32_tolerance)
            << what << " f32 " << isa;
      }
    }
    kernels::force_isa("auto");
  }
}

TEST_P(OpProperties, InferTellsWhatExecutionGives) {
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    std::vector<TensorSpec> specs;
    for (const Tensor& t : s.inputs) specs.push_back(t.spec());
    const auto told = op_->infer(s.attrs, specs, Location::current());
    const auto given = apply(*op_, s.attrs, s.inputs);
    ASSERT_EQ(told.size(), given.size()) << describe(*op_, s, i);
    for (std::size_t k = 0; k < told.size(); ++k) {
      EXPECT_EQ(told[k].str(), given[k].spec().str()) << describe(*op_, s, i);
    }
    op_->batch(s.attrs, specs);
  }
}

TEST_P(OpProperties, DerivativesAgreeWithDifferences) {
  if (!op_->differentiable()) GTEST_SKIP() << op_->name << " is not differentiable";
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    if (!s.differentiable) continue;
    const MultiFn f = [&](std::span<const Tensor> in) { return apply(*op_, s.attrs, in); };
    const GradcheckResult r =
        gradcheck(f, s.inputs, {.second_order = true, .max_elements = 24});
    EXPECT_TRUE(r.ok) << describe(*op_, s, i) << ": " << r.message;
  }
}

TEST_P(OpProperties, TracedProgramsGiveTheSameBits) {
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    std::vector<TensorSpec> specs;
    for (const Tensor& t : s.inputs) specs.push_back(t.spec());
    const auto graph = trace(
        [&](std::span<const Tensor> in) { return apply(*op_, s.attrs, in); }, specs);
    expect_same_bits(graph->run(s.inputs), apply(*op_, s.attrs, s.inputs), describe(*op_, s, i));
  }
}

// A gradient is a program: tracing the vjp and running it equals computing it at once.
TEST_P(OpProperties, GradientsCanBeTraced) {
  if (!op_->differentiable()) GTEST_SKIP() << op_->name << " is not differentiable";
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& s = samples_[i];
    if (!s.differentiable) continue;
    const MultiFn f = [&](std::span<const Tensor> in) { return apply(*op_, s.attrs, in); };
    const MultiFn backward = [&](std::span<const Tensor> in) {
      std::vector<Tensor> ones;
      std::vector<TensorSpec> specs;
      for (const Tensor& t : in) specs.push_back(t.spec());
      for (const TensorSpec& o : op_->infer(s.attrs, specs, Location::current())) {
        ones.push_back(is_floating(o.dtype) ? Tensor::full(o.shape, 1, o.dtype) : Tensor());
      }
      return vjp(f, in, ones).cotangents;
    };
    std::vector<TensorSpec> specs;
    for (const Tensor& t : s.inputs) specs.push_back(t.spec());
    expect_same_bits(trace(backward, specs)->run(s.inputs), backward(s.inputs),
                     describe(*op_, s, i));
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, OpProperties, ::testing::ValuesIn(op_names()), test_name);

}  // namespace
}  // namespace ingrad
