// SPDX-License-Identifier: Apache-2.0
// The architectures: torchvision's names, shapes, sizes and initial values; sizes of input that
// they take; the same bits for any threads and batch; derivatives.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "engine/differentiate.h"
#include "engine/gradcheck.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/losses.h"
#include "engine/ops/reduce.h"
#include "engine/ops/slice.h"
#include "engine/parallel.h"
#include "engine/storage.h"
#include "models/catalog.h"

namespace ingrad {
namespace {

Tensor noise(const Shape& shape, DType dtype = DType::f32) {
  return random_normal(shape, {11, 1, 0, 0}, 0, 1, dtype);
}

// Batches of `rows` samples.
Tensor batch_of(const Shape& sample, std::int64_t rows, DType dtype = DType::f32) {
  return noise(sample.with_inserted(0, rows), dtype);
}

struct Size {
  const char* text;
  std::int64_t parameters;
};

TEST(Architectures, AsManyParametersAsTorchvision) {
  for (const auto& [text, parameters] :
       {Size{"resnet18", 11689512}, Size{"resnet34", 21797672}, Size{"resnet50", 25557032},
        Size{"resnet101", 44549160}, Size{"resnet152", 60192808}, Size{"vgg11", 132863336},
        Size{"vgg13", 133047848}, Size{"vgg16", 138357544}, Size{"vgg19", 143667240},
        Size{"vgg11:batch_norm", 132868840}, Size{"vgg13:batch_norm", 133053736},
        Size{"vgg16:batch_norm", 138365992}, Size{"vgg19:batch_norm", 143678248},
        Size{"vit:patch=32,width=768,layers=12,heads=12", 88224232}}) {
    EXPECT_EQ(build_model({text, {3, 224, 224}, 1000})->parameter_count(), parameters) << text;
  }
  trim_memory();
  // The smallest released GPT-2, without the head's weight, which is the table.
  EXPECT_EQ(build_model({"gpt:width=768,layers=12,heads=12", {1024}, 50257})->parameter_count(),
            124439808);
  trim_memory();
  // By hand: 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10, and the sum that LeCun et al. would
  // get with full connections.
  EXPECT_EQ(build_model({"mlp:784-512-512-10", {784}, 10})->parameter_count(), 669706);
  EXPECT_EQ(build_model({"lenet5", {1, 28, 28}, 10})->parameter_count(), 61706);
  EXPECT_EQ(build_model({"cnn", {1, 28, 28}, 10})->parameter_count(), 421642);
}

std::map<std::string, Shape> shapes(const Module& model) {
  std::map<std::string, Shape> all;
  for (const auto& [name, tensor] : model.state()) all[name] = tensor.shape();
  return all;
}

void expect_entries(const ModelSpec& spec, std::size_t count,
                    const std::map<std::string, Shape>& expected) {
  const auto all = shapes(*build_model(spec));
  EXPECT_EQ(all.size(), count) << spec.text;
  for (const auto& [name, shape] : expected) {
    const auto found = all.find(name);
    ASSERT_TRUE(found != all.end()) << spec.text << " has no " << name;
    EXPECT_EQ(found->second, shape) << spec.text << ", " << name;
  }
}

// Entries of torchvision's state dicts, without num_batches_tracked. The whole list of ResNet-18
// stands in tests/golden.
TEST(Architectures, TorchvisionsNamesAndShapes) {
  expect_entries({"resnet50", {3, 224, 224}, 1000}, 267,
                 {{"conv1.weight", {64, 3, 7, 7}},
                  {"bn1.running_var", {64}},
                  {"layer1.0.conv1.weight", {64, 64, 1, 1}},
                  {"layer1.0.conv2.weight", {64, 64, 3, 3}},
                  {"layer1.0.conv3.weight", {256, 64, 1, 1}},
                  {"layer1.0.downsample.0.weight", {256, 64, 1, 1}},
                  {"layer1.0.downsample.1.running_mean", {256}},
                  {"layer1.2.bn3.bias", {256}},
                  {"layer2.0.conv1.weight", {128, 256, 1, 1}},
                  {"layer3.5.conv2.weight", {256, 256, 3, 3}},
                  {"layer4.2.conv3.weight", {2048, 512, 1, 1}},
                  {"fc.weight", {1000, 2048}},
                  {"fc.bias", {1000}}});
  expect_entries({"resnet34", {3, 224, 224}, 1000}, 182,
                 {{"layer1.2.conv2.weight", {64, 64, 3, 3}},
                  {"layer2.0.downsample.0.weight", {128, 64, 1, 1}},
                  {"layer3.5.bn2.weight", {256}},
                  {"layer4.2.conv1.weight", {512, 512, 3, 3}}});
  expect_entries({"vgg16", {3, 224, 224}, 1000}, 32,
                 {{"features.0.weight", {64, 3, 3, 3}},
                  {"features.0.bias", {64}},
                  {"features.14.weight", {256, 256, 3, 3}},
                  {"features.28.weight", {512, 512, 3, 3}},
                  {"classifier.0.weight", {4096, 25088}},
                  {"classifier.3.weight", {4096, 4096}},
                  {"classifier.6.weight", {1000, 4096}}});
  expect_entries({"vgg11:batch_norm", {3, 224, 224}, 1000}, 54,
                 {{"features.0.weight", {64, 3, 3, 3}},
                  {"features.1.running_mean", {64}},
                  {"features.25.weight", {512, 512, 3, 3}},
                  {"features.26.bias", {512}},
                  {"classifier.6.bias", {1000}}});
}

double deviation(const Tensor& t) { return stddev(t, {}, 0).item(); }

TEST(Architectures, TorchvisionsInitialValues) {
  const auto resnet = make_model({"resnet18:stem=cifar,zero_init_residual", {3, 32, 32}, 10}, 1);
  const auto vgg = make_model({"vgg11:hidden=32", {3, 32, 32}, 10}, 1);
  std::map<std::string, Tensor> r, v;
  for (const auto& [name, tensor] : resnet->state()) r[name] = tensor;
  for (const auto& [name, tensor] : vgg->state()) v[name] = tensor;
  // Normal with variance 2 / fan out.
  const double expected = std::sqrt(2.0 / (128 * 9));
  EXPECT_NEAR(deviation(r.at("layer2.0.conv1.weight")), expected, 0.02 * expected);
  EXPECT_NEAR(deviation(v.at("features.3.weight")), expected, 0.02 * expected);
  EXPECT_EQ(deviation(v.at("features.3.bias")), 0);
  EXPECT_NEAR(deviation(v.at("classifier.0.weight")), 0.01, 1e-4);
  // The last layer of a ResNet keeps what every linear layer starts with.
  EXPECT_NEAR(amax(r.at("fc.weight")).item(), 1 / std::sqrt(512.0), 1e-3);
  EXPECT_EQ(amin(r.at("layer2.0.bn1.weight")).item(), 1);
  EXPECT_EQ(amax(r.at("layer2.0.bn2.weight")).item(), 0);
}

// Small members of every family.
const ModelSpec kSmall[] = {{"mlp:hidden=32-16,batch_norm,activation=gelu", {1, 6, 6}, 4},
                            {"lenet5", {1, 28, 28}, 10},
                            {"lenet5", {3, 32, 32}, 10},
                            {"cnn:width=8,hidden=16", {1, 28, 28}, 10},
                            {"cnn:width=8,hidden=16,batch_norm", {1, 56, 28}, 10},
                            {"cnn", {3, 32, 32}, 10},
                            {"cnn:width=4", {2, 5, 7}, 3},
                            {"cnn3:width=8", {3, 32, 32}, 10},
                            {"resnet18:stem=cifar,width=8", {3, 32, 32}, 10},
                            {"resnet34:width=8", {1, 33, 47}, 5},
                            {"resnet50:stem=cifar,width=8", {3, 16, 16}, 10},
                            {"vgg11:hidden=32", {3, 32, 32}, 10},
                            {"vgg11:hidden=16,batch_norm", {1, 32, 40}, 3},
                            {"vit:patch=4,width=24,layers=2,heads=3", {3, 16, 12}, 10},
                            {"vit:patch=2,width=16,layers=1,heads=1,pool=mean", {1, 6, 6}, 3},
                            {"gpt:layers=2,heads=2", {9, 16}, 7},
                            {"gpt:layers=1,heads=3,hidden=5,activation=relu", {21, 12}, 3}};

class EveryModel : public testing::TestWithParam<ModelSpec> {};
INSTANTIATE_TEST_SUITE_P(Small, EveryModel, testing::ValuesIn(kSmall));

// Logits, and the gradient of the logits of class 0.
std::pair<std::vector<float>, std::vector<float>> evaluate(const Module& model, const Tensor& x) {
  const Tensor leaf = x.track();
  const Tensor y = model(leaf);
  const Tensor g = gradient(sum(narrow(y, 1, 0, 1)), leaf);
  return {y.to_vector<float>(), g.to_vector<float>()};
}

TEST_P(EveryModel, SameBitsForAnyThreadsAndBatch) {
  const auto model = make_model(GetParam(), 3);
  const Tensor x = batch_of(GetParam().input, 5);
  const int before = threads();
  set_threads(1);
  const auto one = evaluate(*model, x);
  set_threads(2);
  const auto two = evaluate(*model, x);
  EXPECT_EQ(one, two);
  std::pair<std::vector<float>, std::vector<float>> parts;
  for (const auto& [start, rows] : {std::pair{0, 1}, {1, 3}, {4, 1}}) {
    const auto [y, g] = evaluate(*model, narrow(x, 0, start, rows));
    parts.first.insert(parts.first.end(), y.begin(), y.end());
    parts.second.insert(parts.second.end(), g.begin(), g.end());
  }
  set_threads(before);
  EXPECT_EQ(one, parts);
  EXPECT_EQ(one.first.size(), static_cast<std::size_t>(5 * GetParam().outputs));
}

TEST_P(EveryModel, EveryParameterGetsAGradient) {
  const auto model = make_model(GetParam(), 3);
  const Tensor x = batch_of(GetParam().input, 4);
  const Tensor labels = Tensor::from<std::int64_t>({0, 1, 2, 0}, {4});
  const NamedTensors parameters = model->parameters();
  const auto step = [&](int threads_used) {
    set_threads(threads_used);
    std::vector<Tensor> leaves;
    for (const auto& p : parameters) leaves.push_back(p.tensor.track());
    Pass pass(Mode::train, 1, 0);
    pass.substitute(parameters, leaves);
    const Tensor loss = cross_entropy(model->run(x, pass), labels);
    std::vector<std::vector<float>> all;
    for (const Tensor& g : gradients(std::vector{loss}, std::vector{Tensor::scalar(1)}, leaves)) {
      all.push_back(g.to_vector<float>());
    }
    return all;
  };
  const int before = threads();
  const auto one = step(1), two = step(2);
  set_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i], two[i]) << parameters[i].name;
    double squares = 0;
    for (const float v : one[i]) squares += static_cast<double>(v) * v;
    EXPECT_TRUE(std::isfinite(squares)) << parameters[i].name;
    EXPECT_GT(squares, 0) << parameters[i].name;
  }
}

TEST(Architectures, SayWhatTheyAre) {
  const auto description = [](const ModelSpec& spec) { return build_model(spec)->describe(); };
  EXPECT_EQ(description({"mlp:4-3-2,batch_norm,dropout=0.1", {4}, 2, DType::f64}),
            "Mlp(4, 3, 2, dropout=0.1, batch_norm=true, dtype=f64)");
  EXPECT_EQ(description({"lenet5", {1, 28, 28}, 10}), "LeNet5([1, 28, 28], 10, padding=2)");
  EXPECT_EQ(description({"resnet18:stem=cifar,width=8", {3, 32, 32}, 10}),
            "ResNet18([3, 32, 32], 10, stem=cifar, width=8)");
  EXPECT_EQ(description({"vgg11:hidden=8,batch_norm", {3, 32, 32}, 10}),
            "Vgg11([3, 32, 32], 10, batch_norm=true, hidden=8)");
}

// First and second derivatives by input and parameters, in training and in evaluation.
TEST(Architectures, DerivativesOfASmallCnn) {
  for (const Mode mode : {Mode::eval, Mode::train}) {
    const ModelSpec spec{"cnn:width=2,hidden=3,batch_norm", {1, 5, 5}, 2, DType::f64};
    const auto model = make_model(spec, 5);
    const NamedTensors parameters = model->parameters();
    std::vector<Tensor> inputs{batch_of(spec.input, 3, DType::f64)};
    for (const auto& p : parameters) inputs.push_back(p.tensor);
    const auto f = [&](std::span<const Tensor> in) {
      Pass pass(mode);
      pass.substitute(parameters, in.subspan(1));
      return std::vector{model->run(in[0], pass)};
    };
    const auto result = gradcheck(f, inputs, {.second_order = true, .max_elements = 12});
    EXPECT_TRUE(result.ok) << result.message;
  }
}

TEST(Catalog, BuildsWhatItLists) {
  for (const ModelEntry& e : model_catalog()) {
    SCOPED_TRACE(e.name);
    EXPECT_TRUE(e.example.text.starts_with(e.name));
    EXPECT_FALSE(e.doc.empty());
    if (!e.name.starts_with("vgg")) {  // large, and counted above
      EXPECT_GT(build_model(e.example)->parameter_count(), 0);
    }
  }
  EXPECT_EQ(
      make_model({"cnn:width=4", {1, 8, 8}, 3}, 1)->parameters()[0].tensor.to_vector<float>(),
      make_model({"cnn:width=4", {1, 9, 9}, 2}, 1)->parameters()[0].tensor.to_vector<float>());
}

TEST(Catalog, RefusesWhatItCannotBuild) {
  const auto message = [](const ModelSpec& spec) {
    try {
      build_model(spec);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  const auto expect = [&](const ModelSpec& spec, std::string_view part) {
    EXPECT_NE(message(spec).find(part), std::string::npos) << message(spec);
    EXPECT_NE(message(spec).find("architectures_test.cpp"), std::string::npos) << message(spec);
  };
  expect({"resnet19", {3, 32, 32}, 10}, "unknown model 'resnet19'; expected one of mlp, lenet5");
  expect({"", {3, 32, 32}, 10}, "there is no name");
  expect({"cnn:depth=3", {1, 28, 28}, 10}, "cnn: unknown option depth");
  expect({"cnn:width=0", {1, 28, 28}, 10}, "width 0");
  expect({"cnn:width=9000000000000000000", {1, 28, 28}, 10}, "expected 1 to");
  expect({"cnn:width=wide", {1, 28, 28}, 10}, "expected an integer");
  expect({"cnn", {28, 28}, 10}, "input [28, 28]");
  expect({"cnn", {1, 3, 28}, 10}, "at least 4 x 4");
  expect({"cnn", {1, 28, 28}, 0}, "0 outputs");
  expect({"mlp:784-10", {28, 27}, 10}, "756 elements");
  expect({"mlp:784-10", {28, 28}, 9}, "9 outputs");
  expect({"mlp:784", {784}, 784}, "1 widths");
  expect({"mlp:wide", {784}, 10}, "list of integers");
  expect({"mlp:activation=rely", {784}, 10}, "unknown activation 'rely'");
  expect({"mlp:dropout=2", {784}, 10}, "p is 2");
  expect({"lenet5", {1, 8, 8}, 10}, "too small");
  expect({"lenet5:padding=-1", {1, 28, 28}, 10}, "padding -1");
  expect({"resnet18:stem=both", {3, 32, 32}, 10}, "expected imagenet or cifar");
  expect({"vgg16", {1, 28, 28}, 10}, "at least 32 x 32");
  expect({"cnn", {1, 28, 28}, 10, DType::bf16}, "expected f32 or f64");
}

}  // namespace
}  // namespace ingrad
