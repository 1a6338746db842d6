// SPDX-License-Identifier: Apache-2.0
// The commands that compute, as a user runs them: what they refuse, the files they write.
#include <cmath>
#include <map>

#include "engine/io/npy.h"
#include "engine/io/png.h"
#include "tests/tools/command.h"

namespace ingrad::tools {
namespace {

class ComputeTest : public CommandTest {
 protected:
  std::vector<std::string> train(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {"train",
                                    "--dataset",
                                    "glyphs",
                                    "--count",
                                    "600",
                                    "--epochs",
                                    "2",
                                    "--model",
                                    "cnn:width=4,hidden=16",
                                    "--seed",
                                    "3",
                                    "--batch-size",
                                    "16",
                                    "--validation-fraction",
                                    "0.1",
                                    "--quiet",
                                    "--out",
                                    path("run")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

TEST_F(ComputeTest, BadInputIsOneLineAndExitCodeTwo) {
  const std::string out = path("a");
  expect_refusal_about({"train", "--epochz", "3"}, "--epochz");
  expect_refusal_about({"train", "--epochs", "zero"}, "--epochs");
  expect_refusal_about({"train", "--model", "cnnn", "--out", out}, "cnnn");
  expect_refusal_about({"train", "--optimizer", "sgdd", "--count", "600", "--quiet", "--out", out},
                       "sgdd");
  expect_refusal_about({"train", "--augment", "crop=many", "--quiet", "--out", out}, "crop");
  expect_refusal_about({"train", "--dataset", "nowhere", "--out", out}, "nowhere");
  expect_refusal_about({"demo", "--attack", "linff:eps=1", "--quick", "--quiet", "--out", out},
                       "linff");
  expect_refusal_about({"models", "nothing"}, "nothing");
  expect_refusal_about({"evaluate", "--model", path("missing.safetensors")}, "missing.safetensors");
  expect_refusal_about({"attribute", "--model", path("missing"), "--dataset", "glyphs"}, "missing");
  const std::string hostile = write("hostile.safetensors", std::string(8, '\xff') + "{}");
  expect_refusal_about({"evaluate", "--model", hostile}, "hostile.safetensors");
}

TEST_F(ComputeTest, TrainsAndResumes) {
  const Outcome trained = ingrad(train({"--json"}));
  ASSERT_EQ(trained.code, 0) << trained.err;
  const Json result = trained.json();
  EXPECT_EQ(result["ingrad"]["seed"], 3);
  EXPECT_GT(result["test"]["accuracy"].get<double>(), 0.2);
  for (const char* name : {"model.safetensors", "best.safetensors", "last.safetensors",
                           "history.csv", "result.json"}) {
    EXPECT_TRUE(exists(std::string("run/") + name)) << name;
  }
  // A finished run that is resumed leaves the same model; other settings are refused.
  const std::string before = read("run/best.safetensors");
  ASSERT_EQ(ingrad(train({"--resume"})).code, 0);
  EXPECT_EQ(read("run/best.safetensors"), before);
  expect_refusal_about(train({"--resume", "--clip-norm", "1"}), "clip_norm");
}

TEST_F(ComputeTest, EvaluatesAndExplains) {
  ASSERT_EQ(ingrad(train()).code, 0);
  const std::string model = path("run/model.safetensors");
  const Outcome evaluated = ingrad(
      {"evaluate", "--json", "--count", "100", "--adversarial", "fgsm:eps=0.1", "--model", model});
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  const Json result = evaluated.json();
  EXPECT_LE(result["robust"]["accuracy"].get<double>(), result["accuracy"].get<double>());
  EXPECT_EQ(result["classes"].size(), 10u);

  const Outcome explained = ingrad({"attribute", "--dataset", "glyphs", "--count", "3", "--steps",
                                    "8", "--draws", "4", "--out", path("maps"), "--model", model});
  ASSERT_EQ(explained.code, 0) << explained.err;
  EXPECT_TRUE(exists("maps/report.html"));
  EXPECT_TRUE(exists("maps/result.json"));
  EXPECT_TRUE(exists("maps/maps/0.png"));
  bool found = false;
  for (const NamedTensor& t : read_npz(path("maps/attributions.npz"))) {
    if (t.name != "integrated_gradients") continue;
    found = true;
    EXPECT_EQ(t.tensor.shape(), (Shape{3, 1, 28, 28}));
  }
  EXPECT_TRUE(found);
  // The mean of one sample is no baseline for it.
  expect_refusal_about({"attribute", "--dataset", "glyphs", "--count", "1", "--baseline", "mean",
                        "--out", path("mean"), "--model", model},
                       "--baseline mean");
  // Devices that are not there.
  expect_refusal_about({"attribute", "--dataset", "glyphs", "--device", "cuda:99", "--out",
                        path("device"), "--model", model},
                       "cuda:99");
  expect_refusal_about({"evaluate", "--device", "tpu", "--model", model}, "tpu");
  // The user's own picture; one of another size is refused.
  write_png(path("own.png"), Tensor::full({28, 28, 3}, 200, DType::u8));
  write_png(path("large.png"), Tensor::full({30, 28, 1}, 200, DType::u8));
  const auto of_picture = [&](const char* name) {
    return std::vector<std::string>{"attribute", "--method",  "gradient", "--input", path(name),
                                    "--out",     path("own"), "--model",  model};
  };
  EXPECT_EQ(ingrad(of_picture("own.png")).code, 0);
  expect_refusal_about(of_picture("large.png"), "28 x 30");
}

// An explanation that is killed goes on from its last finished part and ends with the same bits.
TEST_F(ComputeTest, ExplanationsGoOnAfterAKill) {
  ASSERT_EQ(ingrad(train()).code, 0);
  const auto attribute = [&](const std::string& out, std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"attribute",
                                    "--dataset",
                                    "glyphs",
                                    "--count",
                                    "300",
                                    "--method",
                                    "smooth_grad,gradient",
                                    "--draws",
                                    "500",
                                    "--pictures",
                                    "1",
                                    "--out",
                                    path(out),
                                    "--model",
                                    path("run/model.safetensors")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  expect_refusal_about(attribute("killed", {"--resume"}), "nothing to go on from");
  std::string line = "env -u INGRAD_DATA \"" INGRAD_COMMAND "\"";
  for (const std::string& a : attribute("killed")) line += " '" + a + "'";
  const std::string first = path("killed/parts/smooth_grad.0.npz");
  line += " >/dev/null 2>&1 & i=0; while [ $i -lt 600 ] && [ ! -e '" + first +
          "' ]; do sleep 0.05; i=$((i+1)); done; kill -9 $!; wait $! 2>/dev/null";
  ASSERT_NE(std::system(line.c_str()), -1);
  ASSERT_TRUE(exists("killed/parts/smooth_grad.0.npz"));
  ASSERT_FALSE(exists("killed/attributions.npz"));
  expect_refusal_about(attribute("killed", {"--resume", "--scalar", "prob"}), "other settings");
  ASSERT_EQ(ingrad(attribute("killed", {"--resume"})).code, 0);
  EXPECT_FALSE(exists("killed/parts"));
  ASSERT_EQ(ingrad(attribute("whole")).code, 0);
  EXPECT_EQ(read("killed/attributions.npz"), read("whole/attributions.npz"));
}

TEST_F(ComputeTest, ExplainsSeveralClassesAtOnce) {
  ASSERT_EQ(ingrad(train()).code, 0);
  const auto attribute = [&](const std::string& target) {
    return std::vector<std::string>{"attribute",
                                    "--dataset",
                                    "glyphs",
                                    "--count",
                                    "3",
                                    "--method",
                                    "gradient",
                                    "--target",
                                    target,
                                    "--out",
                                    path("t"),
                                    "--model",
                                    path("run/model.safetensors")};
  };
  ASSERT_EQ(ingrad(attribute("3,0")).code, 0);
  EXPECT_TRUE(exists("t/maps/0.3.png"));
  EXPECT_TRUE(exists("t/maps/0.0.png"));
  for (const NamedTensor& t : read_npz(path("t/attributions.npz"))) {
    if (t.name == "gradient") {
      EXPECT_EQ(t.tensor.shape(), (Shape{3, 2, 1, 28, 28}));
    }
    if (t.name == "targets") {
      EXPECT_EQ(t.tensor.shape(), (Shape{3, 2}));
    }
  }
  expect_refusal_about(attribute("3,10"), "'10'");
}

TEST_F(ComputeTest, DemoWritesEverything) {
  const Outcome o =
      ingrad({"demo", "--quick", "--source", "glyphs", "--keep", "9", "--out", path("demo")});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, testing::HasSubstr("share robust"));
  for (const char* name : {"report.html", "attributions.npz", "model.safetensors",
                           "model_robust.safetensors", "result.json", "table.csv"}) {
    EXPECT_TRUE(exists(std::string("demo/") + name)) << name;
  }
  const Json result = Json::parse(read("demo/result.json"));
  EXPECT_EQ(result["source"], "glyphs");
  ASSERT_EQ(result["models"].size(), 2u);
  for (const Json& model : result["models"]) {
    EXPECT_LE(model["accuracy_under_attack"].get<double>(), model["accuracy"].get<double>());
  }

  // The shares that are told can be found again from the arrays: those of the kept images from
  // their attributions and the mask, the mean over all images from the share of each.
  std::map<std::string, Tensor> arrays;
  for (const NamedTensor& t : read_npz(path("demo/attributions.npz"))) arrays[t.name] = t.tensor;
  const auto mask = arrays.at("mask").to_vector<double>();
  std::size_t methods = 0;
  for (const Json& method : result["methods"]) {
    ++methods;
    for (const Json& model : result["models"]) {
      const std::string key =
          model["name"].get<std::string>() + "." + method["name"].get<std::string>();
      SCOPED_TRACE(key);
      const auto kept = arrays.at(key).to_vector<double>();
      const auto share = arrays.at(key + ".share").to_vector<double>();
      ASSERT_EQ(kept.size(), mask.size());
      const std::size_t pixels = mask.size() / 9;
      for (std::size_t i = 0; i < 9; ++i) {
        double inside = 0, all = 0;
        for (std::size_t p = i * pixels; p < (i + 1) * pixels; ++p) {
          const double v = std::abs(kept[p]);
          all += v;
          if (mask[p] != 0) inside += v;
        }
        if (all > 0) {
          EXPECT_NEAR(share[i], inside / all, 1e-5) << i;
        }
      }
      double sum = 0, count = 0;
      for (const double v : share) {
        if (std::isnan(v)) continue;
        sum += v;
        ++count;
      }
      EXPECT_NEAR(method[model["name"].get<std::string>()]["share_in_signal_block"].get<double>(),
                  sum / count, 1e-6);
    }
  }
  EXPECT_GE(methods, 5u);
}

}  // namespace
}  // namespace ingrad::tools
