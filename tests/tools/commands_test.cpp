// SPDX-License-Identifier: Apache-2.0
// The commands as a user runs them: exit codes, one line for what is wrong, the files they write.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/io/npy.h"
#include "engine/io/png.h"

namespace ingrad::tools {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;
  std::string out;
};

// Standard error comes with standard output unless `quiet`.
Outcome ingrad(const std::string& arguments, bool quiet = false) {
  const std::string line = std::string("OMP_WAIT_POLICY=passive " INGRAD_COMMAND " ") + arguments +
                           (quiet ? " 2>/dev/null" : " 2>&1");
  Outcome o;
  FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) return o;
  char buffer[4096];
  for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) o.out.append(buffer, n);
  const int status = pclose(pipe);
  o.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return o;
}

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    folder_ = fs::temp_directory_path() / ("ingrad_commands_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  ~CommandTest() override { fs::remove_all(folder_); }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }

 private:
  fs::path folder_;
};

void expect_refused(const std::string& arguments, const std::string& with) {
  const Outcome o = ingrad(arguments);
  EXPECT_EQ(o.code, 2) << arguments << "\n" << o.out;
  EXPECT_NE(o.out.find(with), std::string::npos) << arguments << "\n" << o.out;
  EXPECT_EQ(std::count(o.out.begin(), o.out.end(), '\n'), 1) << o.out;
}

TEST_F(CommandTest, BadInputIsOneLineAndExitCodeTwo) {
  expect_refused("trian", "did you mean \"train\"");
  expect_refused("train --epochz 3", "--epochz");
  expect_refused("train --epochs zero", "--epochs");
  expect_refused("train --model cnnn --out " + at("a"), "cnnn");
  expect_refused("train --optimizer sgdd --count 64 --out " + at("a"), "sgdd");
  expect_refused("train --dataset nowhere --out " + at("a"), "nowhere");
  expect_refused("evaluate --model " + at("missing.safetensors"), "missing.safetensors");
  expect_refused("attribute --model " + at("missing.safetensors") + " --dataset glyphs",
                 "missing.safetensors");
  expect_refused("demo --attack linff:eps=1 --quick --out " + at("a"), "linff");
  expect_refused("models nothing", "nothing");
  std::ofstream(at("hostile.safetensors")) << std::string(8, '\xff') << "{}";
  expect_refused("evaluate --model " + at("hostile.safetensors"), "hostile.safetensors");
}

TEST_F(CommandTest, TrainEvaluateAttribute) {
  const std::string train = "train --dataset glyphs --count 600 --epochs 2 --model "
                            "cnn:width=4,hidden=16 --seed 3 --validation-fraction 0.1 --out ";
  const Outcome trained = ingrad(train + at("run") + " --json", true);
  ASSERT_EQ(trained.code, 0) << trained.out;
  const auto json = nlohmann::json::parse(trained.out);
  EXPECT_EQ(json["ingrad"]["seed"], 3);
  EXPECT_GT(json["test"]["accuracy"], 0.2);
  for (const char* name : {"model.safetensors", "best.safetensors", "last.safetensors",
                           "history.csv", "result.json"}) {
    EXPECT_TRUE(fs::exists(at("run/") + name)) << name;
  }
  // Resuming a finished run gives the same model; other settings are refused.
  const auto size = fs::file_size(at("run/model.safetensors"));
  EXPECT_EQ(ingrad(train + at("run") + " --resume").code, 0);
  EXPECT_EQ(fs::file_size(at("run/model.safetensors")), size);
  expect_refused(train + at("run") + " --resume --quiet --clip-norm 1", "clip_norm");

  const std::string model = at("run/model.safetensors");
  const Outcome evaluated =
      ingrad("evaluate --json --count 100 --adversarial fgsm:eps=0.1 --model " + model, true);
  ASSERT_EQ(evaluated.code, 0);
  const auto result = nlohmann::json::parse(evaluated.out);
  EXPECT_LE(result["robust"]["accuracy"], result["accuracy"]);
  EXPECT_EQ(result["classes"].size(), 10u);

  const Outcome explained = ingrad("attribute --dataset glyphs --count 3 --steps 8 --draws 4 --out " +
                                   at("maps") + " --model " + model);
  ASSERT_EQ(explained.code, 0) << explained.out;
  EXPECT_TRUE(fs::exists(at("maps/report.html")));
  EXPECT_TRUE(fs::exists(at("maps/maps/0.png")));
  bool found = false;
  for (const NamedTensor& t : read_npz(at("maps/attributions.npz"))) {
    if (t.name == "integrated_gradients") {
      found = true;
      EXPECT_EQ(t.tensor.shape(), (Shape{3, 1, 28, 28}));
    }
  }
  EXPECT_TRUE(found);
  // The user's own picture; one of another size is refused.
  write_png(at("own.png"), Tensor::full({28, 28, 3}, 200, DType::u8));
  EXPECT_EQ(ingrad("attribute --method gradient --input " + at("own.png") + " --out " + at("own") +
                   " --model " + model)
                .code,
            0);
  write_png(at("large.png"), Tensor::full({30, 28, 1}, 200, DType::u8));
  expect_refused("attribute --method gradient --input " + at("large.png") + " --out " + at("own") +
                     " --model " + model,
                 "28 x 30");
}

TEST_F(CommandTest, DemoWritesEverything) {
  const Outcome o = ingrad("demo --quick --source glyphs --out " + at("demo"));
  ASSERT_EQ(o.code, 0) << o.out;
  EXPECT_NE(o.out.find("share robust"), std::string::npos);
  for (const char* name : {"report.html", "attributions.npz", "model.safetensors",
                           "model_robust.safetensors", "result.json", "table.csv"}) {
    EXPECT_TRUE(fs::exists(at("demo/") + name)) << name;
  }
}

TEST_F(CommandTest, InfoAndListsPrintJson) {
  for (const char* command : {"info", "ops", "datasets", "models"}) {
    const Outcome o = ingrad(std::string(command) + " --json", true);
    EXPECT_EQ(o.code, 0) << command;
    EXPECT_FALSE(nlohmann::json::parse(o.out, nullptr, false).is_discarded()) << command;
  }
}

}  // namespace
}  // namespace ingrad::tools
