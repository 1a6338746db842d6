// SPDX-License-Identifier: Apache-2.0
// Models in files: saved, loaded, and refused; the trained networks of other libraries.
#include "models/model_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/differentiate.h"
#include "engine/io/safetensors.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/reduce.h"
#include "engine/ops/shape.h"

namespace ingrad {
namespace {

class ModelFile : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() / (std::string("ingrad_") + test->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

#define EXPECT_MESSAGE(statement, part)                          \
  do {                                                           \
    const std::string message = message_of([&] { statement; });  \
    EXPECT_NE(message.find(part), std::string::npos) << message; \
  } while (false)

std::vector<std::vector<double>> values(const Module& model) {
  std::vector<std::vector<double>> all;
  for (const auto& t : model.state()) all.push_back(t.tensor.to_vector<double>());
  return all;
}

TEST_F(ModelFile, RoundTrip) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const ModelSpec spec{"cnn:width=4,hidden=8,batch_norm", {2, 9, 11}, 3, dtype};
    const auto model = make_model(spec, 4);
    save_model(path("m.safetensors"), *model, spec, {{"classes", "a,b,c"}});
    const LoadedModel loaded = load_model(path("m.safetensors"));
    EXPECT_EQ(loaded.spec.text, spec.text);
    EXPECT_EQ(loaded.spec.input, spec.input);
    EXPECT_EQ(loaded.spec.outputs, spec.outputs);
    EXPECT_EQ(loaded.spec.dtype, dtype);
    EXPECT_EQ(loaded.metadata.at("classes"), "a,b,c");
    EXPECT_EQ(values(*loaded.model), values(*model));
    const Tensor x = random_normal({3, 2, 9, 11}, {1, 1, 0, 0}, 0, 1, dtype);
    EXPECT_EQ((*loaded.model)(x).to_vector<double>(), (*model)(x).to_vector<double>());
  }
  const ModelSpec flat{"mlp:4-2", {4}, 2};
  save_model(path("mlp.safetensors"), *make_model(flat), flat);
  EXPECT_EQ(load_model(path("mlp.safetensors")).spec.input, flat.input);
}

TEST_F(ModelFile, RefusesWhatIsNoModel) {
  const ModelSpec spec{"mlp:4-3-2", {4}, 2};
  const auto model = make_model(spec);
  const NamedTensors state = model->state();
  std::map<std::string, std::string> good{
      {"ingrad.model", spec.text}, {"ingrad.input_shape", "4"}, {"ingrad.outputs", "2"}};
  const auto load_with = [&](const std::string& key, const std::string& value) {
    auto metadata = good;
    metadata[key] = value;
    write_safetensors(path("m"), state, metadata);
    load_model(path("m"));
  };
  EXPECT_MESSAGE(load_with("x", "y"), "no error");
  EXPECT_MESSAGE(load_with("ingrad.model", "mpl"), "unknown model 'mpl'");
  EXPECT_MESSAGE(load_with("ingrad.model", "mlp:4-5-2"), "fc1.weight is [3, 4], not [5, 4]");
  EXPECT_MESSAGE(load_with("ingrad.input_shape", "four"), "ingrad.input_shape: 'four'");
  EXPECT_MESSAGE(load_with("ingrad.input_shape", "99999999999999999999"), "ingrad.input_shape");
  EXPECT_MESSAGE(load_with("ingrad.input_shape", "4000000000x4000000000"), "shape");
  EXPECT_MESSAGE(load_with("ingrad.outputs", "2x2"), "expected one integer");
  EXPECT_MESSAGE(load_with("ingrad.outputs", "-2"), "ingrad.outputs");
  write_safetensors(path("plain"), state);
  EXPECT_MESSAGE(load_model(path("plain")), "there is no ingrad.model in it");
  EXPECT_MESSAGE(load_model(path("none")), path("none"));
  EXPECT_MESSAGE(save_model(path("m"), *model, spec, {{"ingrad.model", "x"}}), "ingrad.model");
}

TEST_F(ModelFile, WeightsFromElsewhere) {
  const ModelSpec spec{"mlp:4-3-2", {4}, 2};
  const auto from = make_model(spec, 1), to = make_model(spec, 2);
  NamedTensors state = from->state();
  for (auto& t : state) t.name = "module." + t.name;
  write_safetensors(path("parallel"), state);
  load_weights(*to, path("parallel"));
  EXPECT_EQ(values(*to), values(*from));

  const auto before = values(*to);
  state.pop_back();
  write_safetensors(path("short"), state);
  EXPECT_MESSAGE(load_weights(*to, path("short")), "short: load_state");
  EXPECT_MESSAGE(load_weights(*to, path("short")), "missing: fc2.bias");
  std::ofstream(path("old.pt"), std::ios::binary) << "\x80\x02\x8a\x0a"
                                                  << "and so on";
  EXPECT_MESSAGE(load_weights(*to, path("old.pt")), "before version 1.6");
  std::ofstream(path("broken.pt"), std::ios::binary) << "PK and nothing else";
  EXPECT_MESSAGE(load_weights(*to, path("broken.pt")), "broken.pt");
  EXPECT_EQ(values(*to), before);
}

// ---- the networks of Captum's tutorials, with outputs and gradients computed by another library
// ----

std::string captum(const std::string& name) {
  const char* data = std::getenv("INGRAD_DATA");
  if (data == nullptr) return {};
  const std::string path = std::string(data) + "/weights/captum/" + name;
  return std::filesystem::exists(path) ? path : std::string();
}

#define NEEDS_CAPTUM(name)                                            \
  if (captum(name).empty()) {                                         \
    GTEST_SKIP() << "needs INGRAD_DATA with weights/captum/" << name; \
  }                                                                   \
  static_assert(true)

void expect_close(const Tensor& got, const Tensor& expected, double tolerance) {
  ASSERT_EQ(got.shape(), expected.shape());
  const Tensor reference = cast(expected, DType::f64);
  const double error = amax(abs(cast(got, DType::f64) - reference)).item();
  EXPECT_LE(error, tolerance * amax(abs(reference)).item());
}

class California : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Captum, California,
                         testing::Values("california_model.safetensors", "california_model.pt"));

TEST_P(California, PredictionsAndGradients) {
  NEEDS_CAPTUM(GetParam());
  NEEDS_CAPTUM("reference-california.safetensors");
  const Safetensors reference = read_safetensors(captum("reference-california.safetensors"));
  for (const auto& [dtype, tolerance] : {std::pair{DType::f32, 1e-5}, {DType::f64, 1e-12}}) {
    const auto model = build_model({"mlp:8-100-50-10-1,layer=lin", {8}, 1, dtype});
    load_weights(*model, captum(GetParam()));
    const Tensor x = cast(reference.at("input"), dtype).track();
    const Tensor y = (*model)(x);
    expect_close(y, reference.at("prediction"), tolerance);
    expect_close(gradient(sum(y), x), reference.at("grad"), tolerance);
  }
}

TEST(Captum, CifarLeNet) {
  NEEDS_CAPTUM("cifar_torchvision.safetensors");
  NEEDS_CAPTUM("reference-cifar.safetensors");
  const Safetensors reference = read_safetensors(captum("reference-cifar.safetensors"));
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto model = build_model({"lenet5", {3, 32, 32}, 10, dtype});
    load_weights(*model, captum("cifar_torchvision.safetensors"));
    const Tensor x = cast(reference.at("input"), dtype).track();
    const Tensor y = (*model)(x);
    expect_close(y, reference.at("logits"), 1e-5);
    const Tensor chosen = gather(y, 1, unsqueeze(reference.at("label"), 1));
    expect_close(gradient(sum(chosen), x), reference.at("grad_of_label_logit_wrt_input"), 1e-5);
  }
}

}  // namespace
}  // namespace ingrad
