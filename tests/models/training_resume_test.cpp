// SPDX-License-Identifier: Apache-2.0
// Runs that are cut off, by whatever means, and continued.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "engine/io/file.h"
#include "tests/models/toy_training.h"

extern char** environ;

namespace ingrad {
namespace {

namespace fs = std::filesystem;
using testing::clouds;
using testing::toy_model;
using testing::toy_options;

class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() {
    folder_ = fs::temp_directory_path() / ("ingrad_resume_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  ~ResumeTest() override { fs::remove_all(folder_); }
  std::string at(const char* name) const { return (folder_ / name).string(); }

  static pid_t start(const std::string& checkpoint, const std::string& weights) {
    std::string program = INGRAD_TRAIN_SLOWLY;
    std::string a = checkpoint, b = weights;
    char* arguments[] = {program.data(), a.data(), b.data(), nullptr};
    pid_t child = -1;
    EXPECT_EQ(posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ), 0);
    return child;
  }

 private:
  fs::path folder_;
};

TEST_F(ResumeTest, KilledAgainAndAgainItEndsWithTheSameBytes) {
  int status = 0;
  waitpid(start(at("plain.ckpt"), at("plain.safetensors")), &status, 0);
  ASSERT_EQ(status, 0);

  int kills = 0;
  for (int attempt = 0;; ++attempt) {
    ASSERT_LT(attempt, 200) << "the run makes no progress";
    const pid_t child = start(at("cut.ckpt"), at("cut.safetensors"));
    // Later and later, at moments that fall anywhere: also into the writing of the checkpoint.
    usleep(static_cast<useconds_t>(20000 + 7919 * attempt));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
      ++kills;
    } else {
      ASSERT_EQ(WEXITSTATUS(status), 0);
    }
    if (fs::exists(at("cut.safetensors"))) break;
  }
  EXPECT_GE(kills, 3);
  EXPECT_EQ(read_file(at("plain.safetensors")), read_file(at("cut.safetensors")));
}

TEST_F(ResumeTest, StoppedAtEveryStepItEndsWithTheSameBits) {
  const BatchSource data = clouds(3, 16), held_out = clouds(2, 16, 9);
  const auto plain = toy_model();
  TrainOptions o = toy_options();
  const TrainResult whole = train(*plain, data, &held_out, o);

  o.checkpoint = {.path = at("steps.ckpt"), .resume = true};
  TrainResult last;
  for (int guard = 0; guard < 100; ++guard) {
    const auto model = toy_model();
    bool asked = false;
    TrainCallbacks calls;
    calls.should_stop = [&] { return std::exchange(asked, true); };
    last = train(*model, data, &held_out, o, calls);
    if (last.interrupted) continue;
    for (std::size_t i = 0; i < plain->state().size(); ++i) {
      const NamedTensor a = plain->state()[i], b = model->state()[i];
      EXPECT_EQ(a.tensor.to_vector<double>(), b.tensor.to_vector<double>()) << a.name;
    }
    break;
  }
  ASSERT_FALSE(last.interrupted);
  ASSERT_EQ(last.history.size(), whole.history.size());
  for (std::size_t i = 0; i < whole.history.size(); ++i) {
    EXPECT_EQ(last.history[i].training.loss, whole.history[i].training.loss);
    EXPECT_EQ(last.history[i].validation.accuracy, whole.history[i].validation.accuracy);
    EXPECT_EQ(last.history[i].rate, whole.history[i].rate);
  }
}

TEST_F(ResumeTest, OtherSettingsAreRefusedByName) {
  const BatchSource data = clouds(2, 8);
  TrainOptions o = toy_options();
  o.epochs = 1;
  o.settings["dataset"] = "clouds";
  o.checkpoint = {.path = at("settings.ckpt"), .resume = true};
  train(*toy_model(), data, nullptr, o);
  o.clip_norm = 2;
  o.settings["dataset"] = "rain";
  try {
    train(*toy_model(), data, nullptr, o);
    FAIL() << "accepted other settings";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("train.clip_norm is now '2' and was '1'"), std::string::npos)
        << e.message();
    EXPECT_NE(e.message().find("dataset is now 'rain' and was 'clouds'"), std::string::npos);
  }
}

TEST_F(ResumeTest, AForeignFileIsRefused) {
  const std::string text = "not a checkpoint";
  const auto bytes = std::as_bytes(std::span(text));
  write_file_atomically(at("foreign.ckpt"), std::vector{bytes});
  TrainOptions o = toy_options();
  o.checkpoint = {.path = at("foreign.ckpt"), .resume = true};
  EXPECT_THROW(train(*toy_model(), clouds(2, 8), nullptr, o), Error);
}

TEST_F(ResumeTest, AFullDiskLeavesTheLastCheckpoint) {
  const BatchSource data = clouds(4, 8);
  TrainOptions o = toy_options();
  o.epochs = 1;
  o.checkpoint = {.path = at("full.ckpt"), .every_seconds = 0, .every_steps = 1};
  train(*toy_model(), data, nullptr, o);
  const auto before = read_file(at("full.ckpt"));

  signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{4096, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(train(*toy_model(), data, nullptr, o), Error);
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(before, read_file(at("full.ckpt")));
}

}  // namespace
}  // namespace ingrad
