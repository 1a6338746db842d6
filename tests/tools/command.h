// SPDX-License-Identifier: Apache-2.0
// Runs the built `ingrad` as a user does, with a folder of its own for each test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/session.h"

namespace ingrad::tools {

struct Outcome {
  int code = -1;  // exit code; -1: ended by a signal
  std::string out, err;
  Json json() const { return Json::parse(out); }
};

class CommandTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // `ingrad ARGUMENTS`; `environment`: "NAME=value" each, INGRAD_DATA being unset otherwise.
  Outcome ingrad(const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment = {}) const;
  // Expects exit code 2, nothing on stdout and exactly this line on stderr.
  void expect_refusal(const std::vector<std::string>& arguments, const std::string& line) const;
  // As above, with `part` somewhere in the line.
  void expect_refusal_about(const std::vector<std::string>& arguments,
                            const std::string& part) const;

  // A path in the folder of the test.
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;
  bool exists(const std::string& name) const;

 private:
  std::string folder_;
};

// The folder of real data; empty if INGRAD_DATA is not set.
std::string real_data();

}  // namespace ingrad::tools

// Ends the test with a message when there are no real data.
#define INGRAD_NEEDS_DATA() \
  if (real_data().empty()) GTEST_SKIP() << "INGRAD_DATA does not name a folder of data sets"
