// SPDX-License-Identifier: Apache-2.0
// Transformers: names of the state, results, input gradients, and gradients of a training step.
#include <gtest/gtest.h>

#include "engine/differentiate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/losses.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "models/catalog.h"
#include "models/gpt.h"
#include "models/layers/multi_head_attention.h"
#include "models/layers/transformer_block.h"
#include "tests/golden/formula.h"
#include "tests/golden/golden.h"

namespace ingrad::golden {
namespace {

// Sets everything by its name, and checks that the names are the file's.
void fill(Module& module, const nlohmann::json& names) {
  NamedTensors state;
  std::vector<std::string> own;
  for (const auto& [name, tensor] : module.state()) {
    state.push_back({name, Tensor::from(formula(name, tensor.shape().extents()), tensor.shape())});
    own.push_back(name);
  }
  EXPECT_EQ(own, names.get<std::vector<std::string>>());
  module.load_state(state);
}

class Transformers : public testing::TestWithParam<DType> {
 protected:
  DType dtype() const { return GetParam(); }
  double tolerance() const { return dtype() == DType::f64 ? kF64Tolerance : 1e-5; }
  std::vector<Tensor> tracked(const std::vector<Tensor>& stored) const {
    std::vector<Tensor> all;
    for (const Tensor& t : stored) all.push_back(as_dtype(t, dtype()).track());
    return all;
  }

  // Logits and loss on `input`; on `leaf`, its embedding or itself, the gradient of the chosen
  // logits; and the gradients of the loss with respect to the parameters.
  void check_model(const Case& c, const Module& model, const Tensor& input, const Tensor& leaf) {
    const Tensor labels = c.inputs[1];
    const auto chosen = [&](const Tensor& z) { return sum(gather(z, -1, unsqueeze(labels, -1))); };
    const Tensor z = model(leaf);
    expect_close(z, c.outputs[0], tolerance(), "logits");
    expect_close(gradient(chosen(z), leaf), c.grads[0], tolerance(), "input gradient");

    std::map<std::string, Tensor> by_name;
    for (const auto& [name, tensor] : model.parameters()) by_name[name] = tensor;
    NamedTensors parameters;
    std::vector<Tensor> leaves;
    for (const std::string name : c.attrs["parameters"]) {
      ASSERT_TRUE(by_name.contains(name)) << name;
      parameters.push_back({name, by_name[name]});
      leaves.push_back(by_name[name].track());
    }
    EXPECT_EQ(by_name.size(), parameters.size());
    Pass pass(Mode::train);
    pass.substitute(parameters, leaves);
    const Tensor logits = model.run(input, pass);
    const Tensor loss = cross_entropy(reshape(logits, {-1, logits.dim(-1)}), reshape(labels, {-1}));
    expect_close(loss, c.outputs[1], tolerance(), "loss");
    const auto found =
        gradients(std::vector{loss}, std::vector{Tensor::scalar(1, dtype())}, leaves);
    for (std::size_t i = 0; i < found.size(); ++i) {
      expect_close(found[i], c.grads[i + 1], tolerance(), parameters[i].name);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Golden, Transformers, testing::Values(DType::f32, DType::f64),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST_P(Transformers, LayersAgreeWithPyTorch) {
  ASSERT_EQ(read("transformer_layers").cases.size(), 11u);
  for (const Case& c : read("transformer_layers").cases) {
    SCOPED_TRACE(c.id);
    const std::vector<Tensor> x = tracked(c.inputs);
    Tensor y;
    if (c.op == "TransformerEncoderLayer") {
      TransformerBlock layer(8, 2,
                             {.norm_first = c.attrs["norm_first"],
                              .causal = c.attrs["causal"],
                              .hidden = 12,
                              .activation = c.attrs["activation"],
                              .dtype = dtype()});
      fill(layer, c.attrs["state"]);
      y = layer(x[0]);
    } else {
      const bool cross = x.size() == 3;
      MultiHeadAttention layer(8, cross ? 4 : 2, {.bias = c.attrs["bias"], .dtype = dtype()});
      fill(layer, c.attrs["state"]);
      Pass pass;
      y = cross ? layer.attend(x[0], x[1], x[2], pass) : layer(x[0]);
    }
    expect_close(y, c.outputs[0], tolerance(), "result");
    const auto found =
        gradients(std::vector{y}, std::vector{as_dtype(c.cotangents[0], dtype())}, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      expect_close(found[i], c.grads[i], tolerance(), "gradient");
    }
  }
}

TEST_P(Transformers, VitAgreesWithPyTorch) {
  ASSERT_EQ(read("vit").cases.size(), 2u);
  for (const Case& c : read("vit").cases) {
    SCOPED_TRACE(c.id);
    const std::string pool = c.attrs["pool"];
    const auto model = build_model({"vit:width=12,layers=2,pool=" + pool, {3, 8, 12}, 5, dtype()});
    fill(*model, c.attrs["state"]);
    const Tensor x = as_dtype(c.inputs[0], dtype());
    check_model(c, *model, x, x.track());
  }
}

TEST_P(Transformers, GptAgreesWithPyTorch) {
  ASSERT_EQ(read("gpt").cases.size(), 4u);
  for (const Case& c : read("gpt").cases) {
    SCOPED_TRACE(c.id);
    Gpt model(7, 11,
              {.width = 8,
               .layers = 2,
               .heads = 2,
               .logits = c.attrs["logits"] == "all" ? GptLogits::all : GptLogits::last,
               .tied = c.attrs["tied"],
               .dtype = dtype()});
    fill(model, c.attrs["state"]);
    check_model(c, model, c.inputs[0], model.embed(c.inputs[0]).track());
  }
}

}  // namespace
}  // namespace ingrad::golden
