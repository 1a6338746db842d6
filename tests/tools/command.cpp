// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/command.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ingrad::tools {
namespace {

std::string quoted(const std::string& argument) {
  std::string out = "'";
  for (const char c : argument) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

void CommandTest::SetUp() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  folder_ = testing::TempDir() + "ingrad_" + info->test_suite_name() + "_" + info->name() + "_" +
            std::to_string(getpid());
  std::filesystem::remove_all(folder_);
  std::filesystem::create_directories(folder_);
}

void CommandTest::TearDown() { std::filesystem::remove_all(folder_); }

Outcome CommandTest::ingrad(const std::vector<std::string>& arguments,
                            const std::vector<std::string>& environment) const {
  std::string line = "env -u INGRAD_DATA -u INGRAD_ISA";
  for (const std::string& e : environment) line += " " + quoted(e);
  line += " " + quoted(INGRAD_COMMAND);
  for (const std::string& a : arguments) line += " " + quoted(a);
  line += " >" + quoted(path("stdout")) + " 2>" + quoted(path("stderr")) + " </dev/null";
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("stdout"), read("stderr")};
}

void CommandTest::expect_refusal(const std::vector<std::string>& arguments,
                                 const std::string& line) const {
  const Outcome o = ingrad(arguments);
  EXPECT_EQ(o.code, 2);
  EXPECT_EQ(o.out, "");
  EXPECT_EQ(o.err, line + "\n");
}

void CommandTest::expect_refusal_about(const std::vector<std::string>& arguments,
                                       const std::string& part) const {
  const Outcome o = ingrad(arguments);
  EXPECT_EQ(o.code, 2);
  EXPECT_EQ(o.out, "");
  EXPECT_THAT(o.err, testing::StartsWith("ingrad " + arguments.front() + ": "));
  EXPECT_THAT(o.err, testing::HasSubstr(part));
  EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
  // Places in our own sources are of no use to whoever runs a command.
  EXPECT_THAT(o.err, testing::Not(testing::HasSubstr(".cpp:")));
}

std::string CommandTest::write(const std::string& name, const std::string& content) const {
  std::ofstream(path(name), std::ios::binary) << content;
  return path(name);
}

std::string CommandTest::read(const std::string& name) const { return content_of(path(name)); }

bool CommandTest::exists(const std::string& name) const {
  return std::filesystem::exists(path(name));
}

std::string real_data() {
  const char* data = std::getenv("INGRAD_DATA");
  return data == nullptr ? "" : data;
}

}  // namespace ingrad::tools
