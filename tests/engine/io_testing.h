// SPDX-License-Identifier: Apache-2.0
// What the tests of file formats share.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ingrad {

// A folder that goes away with the test.
struct TestFolder {
  std::filesystem::path path;
  TestFolder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path = std::filesystem::temp_directory_path() /
           (std::string("ingrad-") + test->test_suite_name() + "-" + test->name() + "-" +
            std::to_string(::getpid()));
    std::filesystem::create_directories(path);
  }
  ~TestFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path),
                                                  std::filesystem::directory_iterator()));
  }
};

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}
inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline void store_file(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

// Runs `action`, which must throw an Error whose message contains `why`.
template <class Action>
void expect_error(const Action& action, std::string_view why) {
  try {
    action();
    ADD_FAILURE() << "accepted; expected an Error with: " << why;
  } catch (const Error& e) {
    EXPECT_NE(e.message().find(why), std::string::npos) << e.message() << "\nlacks: " << why;
  }
}

// Every proper prefix of the bytes must be refused with an Error: nothing else may be thrown.
template <class Parse>
void expect_prefixes_refused(std::span<const std::byte> bytes, const Parse& parse,
                             std::size_t step = 1) {
  for (std::size_t n = 0; n < bytes.size(); n += step) {
    // A block of its own, so that AddressSanitizer sees a read beyond its end.
    const std::vector<std::byte> prefix(bytes.begin(),
                                        bytes.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_THROW(parse(std::span<const std::byte>(prefix)), Error) << "prefix of " << n << " bytes";
  }
}
// Changes each byte in turn: results may differ, but only an Error may be thrown.
template <class Parse>
void expect_changes_survived(std::span<const std::byte> bytes, const Parse& parse,
                             std::size_t step = 1) {
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    for (const unsigned change : {0x01u, 0x80u, 0xffu}) {
      std::vector<std::byte> changed(bytes.begin(), bytes.end());
      changed[i] ^= static_cast<std::byte>(change);
      try {
        parse(std::span<const std::byte>(changed));
      } catch (const Error&) {
      }
    }
  }
}

// The folder of real data, or empty.
inline std::string real_data() {
  const char* folder = std::getenv("INGRAD_DATA");
  return folder != nullptr ? folder : "";
}

}  // namespace ingrad

// Skips the test, saying why, unless the real data have this file.
#define INGRAD_NEED_DATA(relative)                                      \
  if (ingrad::real_data().empty() ||                                    \
      !std::filesystem::exists(ingrad::real_data() + "/" + (relative))) \
  GTEST_SKIP() << "needs " << (relative) << " in the folder that INGRAD_DATA names"
