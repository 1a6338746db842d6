// SPDX-License-Identifier: Apache-2.0
// ViT and GPT beyond what holds for every architecture: names, initial values, tokens and
// embeddings, causality, derivatives, files, and what is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "engine/differentiate.h"
#include "engine/gradcheck.h"
#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "models/gpt.h"
#include "models/model_file.h"
#include "models/vit.h"
#include "tests/models/expect_message.h"

namespace ingrad {
namespace {

Tensor noise(const Shape& shape, DType dtype = DType::f32, std::uint64_t stream = 1) {
  return random_normal(shape, {31, stream, 0, 0}, 0, 1, dtype);
}

Tensor tokens_of(std::int64_t rows, std::int64_t length, std::int64_t vocabulary) {
  std::vector<std::int64_t> t;
  for (std::int64_t i = 0; i < rows * length; ++i) t.push_back((7 * i + i * i / 3) % vocabulary);
  return Tensor::from<std::int64_t>(t, Shape{rows, length});
}

std::string names_of(const Module& m) {
  std::string all;
  for (const auto& entry : m.state()) all += (all.empty() ? "" : " ") + entry.name;
  return all;
}

std::map<std::string, Tensor> by_name(const Module& m) {
  std::map<std::string, Tensor> all;
  for (const auto& [name, tensor] : m.state()) all[name] = tensor;
  return all;
}

double deviation(const Tensor& t) { return stddev(t, {}, 0).item(); }

const ModelSpec kVit{"vit:patch=4,width=24,layers=2,heads=3", {3, 16, 12}, 10};
const ModelSpec kGpt{"gpt:layers=2,heads=2", {12, 16}, 11};

// ---- names and initial values -----------------------------------------------------------------
TEST(Vit, Names) {
  // As torchvision's, except that its block numbers go further.
  EXPECT_EQ(names_of(*build_model({"vit:layers=1", {3, 32, 32}, 10})),
            "class_token conv_proj.weight conv_proj.bias encoder.pos_embedding "
            "encoder.layers.encoder_layer_0.ln_1.weight encoder.layers.encoder_layer_0.ln_1.bias "
            "encoder.layers.encoder_layer_0.self_attention.in_proj_weight "
            "encoder.layers.encoder_layer_0.self_attention.in_proj_bias "
            "encoder.layers.encoder_layer_0.self_attention.out_proj.weight "
            "encoder.layers.encoder_layer_0.self_attention.out_proj.bias "
            "encoder.layers.encoder_layer_0.ln_2.weight encoder.layers.encoder_layer_0.ln_2.bias "
            "encoder.layers.encoder_layer_0.mlp.0.weight "
            "encoder.layers.encoder_layer_0.mlp.0.bias "
            "encoder.layers.encoder_layer_0.mlp.3.weight "
            "encoder.layers.encoder_layer_0.mlp.3.bias encoder.ln.weight encoder.ln.bias "
            "heads.head.weight heads.head.bias");
  const auto token = by_name(*build_model({"vit", {3, 32, 32}, 10}));
  EXPECT_EQ(token.at("encoder.pos_embedding").shape(), (Shape{1, 65, 192}));
  EXPECT_EQ(token.at("encoder.layers.encoder_layer_5.mlp.0.weight").shape(), (Shape{768, 192}));
  EXPECT_EQ(token.at("conv_proj.weight").shape(), (Shape{192, 3, 4, 4}));
  const auto mean_of = by_name(*build_model({"vit:pool=mean", {3, 32, 32}, 10}));
  EXPECT_EQ(mean_of.at("encoder.pos_embedding").shape(), (Shape{1, 64, 192}));
  EXPECT_FALSE(mean_of.contains("class_token"));
}

TEST(Gpt, Names) {
  EXPECT_EQ(names_of(*build_model({"gpt:layers=1", {128}, 65})),
            "wte.weight wpe.weight h.0.ln_1.weight h.0.ln_1.bias h.0.attn.c_attn.weight "
            "h.0.attn.c_attn.bias h.0.attn.c_proj.weight h.0.attn.c_proj.bias h.0.ln_2.weight "
            "h.0.ln_2.bias h.0.mlp.c_fc.weight h.0.mlp.c_fc.bias h.0.mlp.c_proj.weight "
            "h.0.mlp.c_proj.bias ln_f.weight ln_f.bias lm_head.weight");
  const auto tied = build_model({"gpt", {128}, 65}),
             own = build_model({"gpt:tied=false", {128}, 65});
  EXPECT_EQ(tied->parameter_count() + 65 * 128, own->parameter_count());
  EXPECT_EQ(tied->parameters()[0].name, "wte.weight");
  // Four blocks of 12 width^2 + 13 width, embeddings of 65 tokens and 128 positions, the norm.
  EXPECT_EQ(tied->parameter_count(), 4 * (12 * 128 * 128 + 13 * 128) + (65 + 128 + 2) * 128);
}

TEST(Vit, InitialValues) {
  const auto v = by_name(*make_model({"vit", {3, 32, 32}, 10}, 1));
  const auto close = [&](const char* name, double expected) {
    EXPECT_NEAR(deviation(v.at(name)), expected, 0.03 * expected) << name;
  };
  close("conv_proj.weight", 1 / std::sqrt(48.0));
  close("encoder.pos_embedding", 0.02);
  // Uniform within sqrt(6 / (fan in + fan out)).
  close("encoder.layers.encoder_layer_0.self_attention.in_proj_weight", std::sqrt(2.0 / 768));
  close("encoder.layers.encoder_layer_3.mlp.0.weight", std::sqrt(2.0 / 960));
  close("encoder.layers.encoder_layer_3.mlp.3.weight", std::sqrt(2.0 / 960));
  EXPECT_LE(amax(abs(v.at("heads.head.weight"))).item(), 0.04);
  // What is left of the deviation within two of them.
  close("heads.head.weight", 0.02 * 0.8796);
  for (const char* zero : {"class_token", "conv_proj.bias", "heads.head.bias",
                           "encoder.layers.encoder_layer_0.self_attention.in_proj_bias"}) {
    EXPECT_EQ(amax(abs(v.at(zero))).item(), 0) << zero;
  }
  const auto zero = by_name(*make_model({"vit:zero_init_head", {3, 32, 32}, 10}, 1));
  EXPECT_EQ(amax(abs(zero.at("heads.head.weight"))).item(), 0);
}

TEST(Gpt, InitialValues) {
  const auto v = by_name(*make_model({"gpt:layers=2", {128}, 65}, 1));
  for (const auto& [name, expected] : {std::pair{"wte.weight", 0.02},
                                       {"wpe.weight", 0.02},
                                       {"h.0.attn.c_attn.weight", 0.02},
                                       {"h.1.mlp.c_fc.weight", 0.02},
                                       {"h.0.attn.c_proj.weight", 0.01},  // 0.02 / sqrt(4)
                                       {"h.1.mlp.c_proj.weight", 0.01}}) {
    EXPECT_NEAR(deviation(v.at(name)), expected, 0.03 * expected) << name;
  }
  for (const auto& [name, tensor] : v) {
    if (!name.ends_with("bias")) continue;
    EXPECT_EQ(amax(abs(tensor)).item(), 0) << name;
  }
}

TEST(Gpt, TakesReleasedWeights) {
  const ModelSpec spec{"gpt:layers=1,width=4,heads=2", {3}, 5};
  const auto model = make_model(spec, 1), other = build_model(spec);
  // As they are released: under a prefix, linear layers transposed, masks among them, no head.
  NamedTensors released;
  for (const auto& [name, tensor] : model->state()) {
    if (name == "lm_head.weight") continue;
    const bool linear = name.find(".c_") != std::string::npos && name.ends_with("weight");
    released.push_back({"transformer." + name, linear ? transpose(tensor, 0, 1) : tensor});
  }
  released.push_back({"transformer.h.0.attn.bias", Tensor::ones({1, 1, 3, 3})});
  released.push_back({"transformer.h.0.attn.masked_bias", Tensor::scalar(-1e4)});
  other->load_state(from_gpt2_weights(released));
  const Tensor x = tokens_of(2, 3, 5);
  EXPECT_EQ((*other)(x).to_vector<float>(), (*model)(x).to_vector<float>());
  EXPECT_THROW(from_gpt2_weights({{"h.0.mlp.c_fc.weight", Tensor::ones({4})}}), Error);
}

// ---- what GPT computes ------------------------------------------------------------------------
TEST(Gpt, EmbeddingsStandForTokens) {
  const GptOptions options{.width = 16, .layers = 2, .heads = 2};
  Gpt model(12, 11, options);
  model.initialize(4);
  for (const std::int64_t length : {1, 5, 12}) {
    const Tensor t = tokens_of(3, length, 11), e = model.embed(t);
    EXPECT_EQ(e.shape(), (Shape{3, length, 16}));
    EXPECT_EQ(model(e).shape(), (Shape{3, 11}));
    EXPECT_EQ(model(e).to_vector<float>(), model(t).to_vector<float>());
    EXPECT_EQ(model(cast(t, DType::i32)).to_vector<float>(), model(t).to_vector<float>());
  }
}

TEST(Gpt, LaterTokensDoNotMatter) {
  const auto model = make_model({"gpt:layers=2,heads=2,width=16,logits=all", {20}, 11}, 4);
  const auto last = make_model({"gpt:layers=2,heads=2,width=16", {20}, 11}, 4);
  const Tensor t = tokens_of(2, 20, 11);
  const Tensor all = (*model)(t);
  EXPECT_EQ(all.shape(), (Shape{2, 20, 11}));
  for (const std::int64_t kept : {1, 7, 19}) {
    // Other tokens behind, or none: the same bits before.
    const Tensor head = narrow(t, 1, 0, kept);
    const Tensor other = concat({head, remainder(narrow(t, 1, kept, 20 - kept) + 3, 11)}, 1);
    const auto expected = narrow(all, 1, 0, kept).to_vector<float>();
    EXPECT_EQ(narrow((*model)(other), 1, 0, kept).to_vector<float>(), expected) << kept;
    EXPECT_EQ((*model)(head).to_vector<float>(), expected) << kept;
    EXPECT_NE((*model)(other).to_vector<float>(), all.to_vector<float>());
    // `last` are those of the last position.
    EXPECT_EQ((*last)(head).to_vector<float>(), select(all, 1, kept - 1).to_vector<float>());
  }
}

TEST(Gpt, GradientsOfLaterTokensAreZero) {
  const auto model = make_model({"gpt:layers=2,heads=2,logits=all", {9, 16}, 11}, 4);
  const Tensor x = noise({2, 9, 16}).track();
  const Tensor y = (*model)(x);
  const Tensor g = gradient(sum(select(y, 1, 4) * noise({2, 11})), x);
  EXPECT_EQ(amax(abs(narrow(g, 1, 5, 4))).item(), 0);
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_GT(amax(abs(select(g, 1, i))).item(), 0);
}

// ---- derivatives ------------------------------------------------------------------------------
TEST(Transformers, Derivatives) {
  for (const ModelSpec& spec :
       {ModelSpec{"vit:patch=2,width=4,layers=1,heads=2,hidden=3", {2, 4, 2}, 2, DType::f64},
        ModelSpec{
            "vit:patch=2,width=4,layers=1,heads=1,hidden=3,pool=mean", {1, 4, 4}, 2, DType::f64},
        ModelSpec{"gpt:layers=1,heads=2,hidden=3", {3, 4}, 5, DType::f64},
        ModelSpec{"gpt:layers=1,heads=2,hidden=3,tied=false,logits=all", {3, 4}, 2, DType::f64}}) {
    SCOPED_TRACE(spec.text);
    const auto model = build_model(spec);
    const NamedTensors parameters = model->parameters();
    std::vector<Tensor> inputs{noise(spec.input.with_inserted(0, 2), DType::f64)};
    for (const auto& [name, tensor] : parameters) {
      inputs.push_back(noise(tensor.shape(), DType::f64, stream_of(name)) * 0.5);
    }
    const auto f = [&](std::span<const Tensor> in) {
      Pass pass;
      pass.substitute(parameters, in.subspan(1));
      return std::vector{model->run(in[0], pass)};
    };
    const auto result = gradcheck(f, inputs, {.second_order = true, .max_elements = 8});
    EXPECT_TRUE(result.ok) << result.message;
  }
}

// ---- the rest ---------------------------------------------------------------------------------
TEST(Transformers, InFiles) {
  const auto path =
      (std::filesystem::temp_directory_path() / "ingrad_transformer.safetensors").string();
  for (const ModelSpec& spec :
       {kVit, kGpt, ModelSpec{"gpt:layers=1,width=8,heads=2,tied=false", {6}, 5, DType::f64}}) {
    const auto model = make_model(spec, 3);
    save_model(path, *model, spec);
    const LoadedModel loaded = load_model(path);
    EXPECT_EQ(loaded.model->describe(), model->describe());
    const Tensor x = spec.input.rank() == 1 ? tokens_of(2, 6, 5)
                                            : noise(spec.input.with_inserted(0, 2), spec.dtype);
    EXPECT_EQ((*loaded.model)(x).to_vector<double>(), (*model)(x).to_vector<double>());
  }
  std::filesystem::remove(path);
}

TEST(Transformers, DropInTrainingOnly) {
  for (const ModelSpec& spec :
       {ModelSpec{"vit:patch=4,width=24,layers=1,heads=3,dropout=0.1", {3, 16, 12}, 10},
        ModelSpec{"gpt:layers=1,heads=2,attention_dropout=0.2,dropout=0.1", {12, 16}, 11}}) {
    const auto model = make_model(spec, 3);
    const Tensor x = noise(spec.input.with_inserted(0, 3));
    Pass one(Mode::train, 1, 1), same(Mode::train, 1, 1), next(Mode::train, 1, 2);
    const auto y = model->run(x, one).to_vector<float>();
    EXPECT_TRUE(one.drew());
    EXPECT_EQ(model->run(x, same).to_vector<float>(), y);
    EXPECT_NE(model->run(x, next).to_vector<float>(), y);
    EXPECT_NE((*model)(x).to_vector<float>(), y);
  }
}

TEST(Transformers, SayWhatTheyAre) {
  EXPECT_EQ(build_model({"vit:pool=mean,hidden=8,dropout=0.5", {3, 32, 32}, 10})->describe(),
            "Vit([3, 32, 32], 10, patch=4, width=192, layers=6, heads=3, hidden=8, pool=mean, "
            "dropout=0.5)");
  EXPECT_EQ(build_model({"gpt:tied=false,logits=all", {128}, 65, DType::f64})->describe(),
            "Gpt(128, 65, width=128, layers=4, heads=4, logits=all, tied=false, dtype=f64)");
}

TEST(Transformers, RefuseWhatDoesNotFit) {
  const auto refused = [](const ModelSpec& spec, std::string_view part) {
    expect_message([&] { build_model(spec); }, part);
    expect_message([&] { build_model(spec); }, "transformers_test.cpp");
  };
  refused({"vit:heads=5", {3, 32, 32}, 10}, "width 192 and 5 heads; expected a multiple");
  refused({"vit:heads=0", {3, 32, 32}, 10}, "heads 0; expected 1 to");
  refused({"vit:layers=0", {3, 32, 32}, 10}, "layers 0");
  refused({"vit:patch=5", {3, 32, 32}, 10}, "multiples of the patch, 5");
  refused({"vit:patch=64", {3, 32, 32}, 10}, "at least 64 x 64");
  refused({"vit", {1024}, 10}, "input [1024]");
  refused({"vit:pool=max", {3, 32, 32}, 10}, "pool is 'max', expected token or mean");
  refused({"vit:dropout=2", {3, 32, 32}, 10}, "p is 2");
  refused({"vit", {3, 32, 32}, 10, DType::bf16}, "expected f32 or f64");
  refused({"gpt:heads=3", {128}, 65}, "width 128 and 3 heads");
  refused({"gpt:width=16", {128, 32}, 65}, "expected [context] for token numbers or [context, 16]");
  refused({"gpt", {3, 4, 5}, 65}, "input [3, 4, 5]");
  refused({"gpt:logits=first", {128}, 65}, "expected last or all");
  refused({"gpt", {0}, 65}, "context 0");
  refused({"gpt:attention_dropout=1", {8}, 65}, "dropout 1");

  const auto vit = build_model(kVit);
  expect_message([&] { (*vit)(noise({2, 3, 16, 16})); }, "expected [N, 3, 16, 12]");
  expect_message([&] { (*vit)(noise({3, 16, 12})); }, "expected [N, 3, 16, 12]");
  EXPECT_THROW((*vit)(noise({2, 3, 16, 12}, DType::f64)), Error);
  const auto gpt = make_model({"gpt:width=16,layers=1,heads=2", {6}, 11}, 1);
  expect_message([&] { (*gpt)(tokens_of(2, 7, 11)); }, "sequences of 7 tokens; expected 1 to 6");
  expect_message([&] { (*gpt)(noise({2, 7, 16})); }, "sequences of 7 tokens");
  expect_message([&] { (*gpt)(Tensor::zeros({2, 0}, DType::i64)); }, "sequences of 0 tokens");
  expect_message([&] { (*gpt)(noise({2, 6})); }, "expected token numbers i64 or i32 [N, L], or");
  expect_message([&] { (*gpt)(noise({2, 6, 16}, DType::f64)); }, "embeddings f32 [N, L, 16]");
  expect_message([&] { (*gpt)(noise({2, 6, 8})); }, "[N, L, 16]");
  expect_message([&] { (*gpt)(Tensor::full({1, 2}, 11, DType::i64)); }, "11");
}

}  // namespace
}  // namespace ingrad
