// SPDX-License-Identifier: Apache-2.0
#include "engine/io/safetensors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/io/file.h"

namespace ingrad {
namespace {

namespace fs = std::filesystem;

// A folder that goes away with the test.
struct Folder {
  fs::path path;
  Folder() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path = fs::temp_directory_path() / (std::string("ingrad-") + test->test_suite_name() + "-" +
                                        test->name() + "-" + std::to_string(::getpid()));
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const char* name) const { return (path / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), {}));
  }
};

std::string file_of(const std::string& header, const std::string& data = "") {
  std::string bytes(8, '\0');
  const std::uint64_t size = header.size();
  std::memcpy(bytes.data(), &size, 8);
  return bytes + header + data;
}

Safetensors parse(const std::string& bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

void expect_refused(const std::string& bytes, const std::string& why) {
  try {
    parse(bytes);
    ADD_FAILURE() << "accepted: " << why;
  } catch (const Error& e) {
    EXPECT_NE(e.message().find(why), std::string::npos) << e.message() << "\nlacks: " << why;
  }
}

TEST(SafetensorsTest, RoundTripOfEveryDtype) {
  const Folder folder;
  NamedTensors tensors;
  for (const DType dtype : {DType::boolean, DType::u8, DType::i32, DType::f16, DType::f64,
                            DType::bf16, DType::f32, DType::i64}) {
    tensors.push_back({std::string(name_of(dtype)), Tensor::full({3, 1}, 1, dtype)});
  }
  tensors.push_back({"rank 0", Tensor::scalar(2.5, DType::f64)});
  tensors.push_back({"nothing", Tensor::zeros({0, 4})});
  const Tensor square = Tensor::from({1.f, 2.f, 3.f, 4.f}, {2, 2});
  tensors.push_back({"strided \"π\"", square.as_strided({2, 2}, {1, 2}, 0)});
  write_safetensors(folder / "a.safetensors", tensors, {{"key", "line\nline"}, {"", "empty"}});
  const Safetensors back = read_safetensors(folder / "a.safetensors");
  EXPECT_EQ(back.metadata.at("key"), "line\nline");
  EXPECT_EQ(back.metadata.at(""), "empty");
  ASSERT_EQ(back.tensors.size(), tensors.size());
  for (const NamedTensor& t : tensors) {
    const Tensor& b = back.at(t.name);
    EXPECT_EQ(b.dtype(), t.tensor.dtype()) << t.name;
    EXPECT_EQ(b.shape(), t.tensor.shape()) << t.name;
    EXPECT_EQ(b.to_vector<double>(), t.tensor.to_vector<double>()) << t.name;
  }
  EXPECT_THROW(back.at("missing"), Error);
  EXPECT_EQ(folder.files(), 1u);
}

TEST(SafetensorsTest, HostileFilesAreRefused) {
  expect_refused("", "no safetensors");
  expect_refused("1234567", "no safetensors");
  expect_refused(std::string(8, '\xff'), "header of");
  expect_refused(file_of("{}").substr(0, 9), "header of");
  expect_refused(file_of("{"), "no JSON");
  expect_refused(file_of("[]"), "no JSON object");
  expect_refused(file_of(std::string(1000, '[')), "nested");
  expect_refused(file_of("{}", "x"), "the tensors end at byte 0 of 1");
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return "{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
           ",\"data_offsets\":" + offsets + "}}";
  };
  const std::string four(4, '\0');
  EXPECT_EQ(parse(file_of(entry("F32", "[1]", "[0,4]"), four)).tensors.size(), 1u);
  EXPECT_EQ(parse(file_of(entry("F32", "[]", "[0,4]"), four)).tensors.size(), 1u);
  expect_refused(file_of(entry("F32", "[2]", "[0,4]"), four), "has 4 bytes for F32 [2]");
  expect_refused(file_of(entry("F32", "[1]", "[0,8]"), four), "occupies bytes 0 to 8 of 4");
  expect_refused(file_of(entry("F32", "[1]", "[4,0]"), four), "occupies");
  expect_refused(file_of(entry("F32", "[1]", "[0,18446744073709551615]"), four), "occupies");
  expect_refused(file_of(entry("F32", "[-1]", "[0,4]"), four), "for a size");
  expect_refused(file_of(entry("F32", "[1.5]", "[0,4]"), four), "for a size");
  expect_refused(file_of(entry("F32", "[4294967296,4294967296]", "[0,4]"), four), "'a': shape");
  expect_refused(file_of(entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), four), "9 axes");
  expect_refused(file_of(entry("F8_E4M3", "[4]", "[0,4]"), four), "dtype F8_E4M3");
  expect_refused(file_of(entry("BOOL", "[4]", "[0,4]"), "\x01\x02\x01\x01"), "neither 0 nor 1");
  expect_refused(file_of("{\"a\":1}"), "lacks");
  expect_refused(file_of("{\"__metadata__\":{\"k\":1}}"), "no string");
  const std::string one = "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}";
  expect_refused(file_of("{" + one + "," + one + "}", "xy"), "given twice");
  const auto two = [&](const std::string& offsets) {
    return "{" + one + ",\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + offsets + "}}";
  };
  EXPECT_EQ(parse(file_of(two("[2,4]"), four)).tensors[1].name, "b");
  expect_refused(file_of(two("[1,3]"), four), "begins at byte 1");
  expect_refused(file_of(two("[0,2]"), four), "begins at byte 0");
  expect_refused(file_of(two("[3,5]"), four + "z"), "begins at byte 3");
}

TEST(SafetensorsTest, WritingRefusesWhatCannotBeRead) {
  const Folder folder;
  const Tensor x = Tensor::zeros({2});
  const auto write = [&](const NamedTensors& t) { write_safetensors(folder / "x", t); };
  EXPECT_THROW(write({{"a", x}, {"a", x}}), Error);
  EXPECT_THROW(write({{"__metadata__", x}}), Error);
  EXPECT_THROW(write({{"a", Tensor()}}), Error);
  EXPECT_THROW(write({{"\xff", x}}), Error);
  EXPECT_THROW(write_safetensors(folder / "none/x", NamedTensors{{"a", x}}), Error);
  EXPECT_EQ(folder.files(), 0u);
  EXPECT_THROW(read_safetensors(folder / "x"), Error);
  EXPECT_THROW(read_safetensors(folder.path.string()), Error);
}

TEST(FileTest, FailedWriteKeepsTheOldContent) {
  const Folder folder;
  const NamedTensors small{{"a", Tensor::ones({4})}};
  const NamedTensors large{{"a", Tensor::ones({1 << 18})}};
  write_safetensors(folder / "w", small);
  // A limit on the size of files stands in for a full disk.
  struct rlimit old {};
  getrlimit(RLIMIT_FSIZE, &old);
  struct rlimit tight = old;
  tight.rlim_cur = 1 << 16;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &tight);
  EXPECT_THROW(write_safetensors(folder / "w", large), Error);
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_safetensors(folder / "w").at("a").size(), 4);
  EXPECT_EQ(folder.files(), 1u);
}

TEST(SafetensorsTest, MappedTensorsAreViewsThatNeverChangeTheFile) {
  const Folder folder;
  write_safetensors(folder / "w", NamedTensors{{"a", Tensor::arange(100, DType::f32)},
                                               {"b", Tensor::full({3}, 7, DType::u8)}});
  {
    const Safetensors file = map_safetensors(folder / "w");
    const Tensor a = file.at("a"), b = file.at("b");
    // Both lie in one mapping: at the distance that the format gives them.
    EXPECT_EQ(static_cast<const std::byte*>(b.raw()) - static_cast<const std::byte*>(a.raw()), 400);
    EXPECT_EQ(a.to_vector<float>(), read_safetensors(folder / "w").at("a").to_vector<float>());
    a.assign(Tensor::zeros({100}));
    EXPECT_EQ(a.to_vector<float>()[99], 0);
  }
  EXPECT_EQ(read_safetensors(folder / "w").at("a").to_vector<float>()[99], 99);
  // A header of odd length puts f32 data at an odd place: such tensors are copied.
  std::ofstream(folder / "odd", std::ios::binary)
      << file_of("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]} }",
                 std::string("\0\0\x80?", 4));
  EXPECT_EQ(map_safetensors(folder / "odd").at("a").item(), 1);
  std::ofstream(folder / "empty").flush();
  EXPECT_THROW(map_safetensors(folder / "empty"), Error);
  EXPECT_THROW(map_safetensors(folder / "none"), Error);
  EXPECT_THROW(map_safetensors(folder.path.string()), Error);
}

TEST(FileTest, FullDeviceIsNamedWithItsBytes) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "needs the device /dev/full";
  try {
    write_safetensors("/dev/full", NamedTensors{{"a", Tensor::ones({4})}});
    FAIL() << "wrote to a full device";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("/dev/full: No space left on device after 0 of"), std::string::npos)
        << e.message();
  }
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  EXPECT_NO_THROW(write_safetensors("/dev/null", NamedTensors{{"a", Tensor::ones({4})}}));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(FileTest, LinksAreKept) {
  const Folder folder;
  fs::create_directory(folder.path / "inner");
  write_safetensors(folder / "inner/w", NamedTensors{{"a", Tensor::ones({4})}});
  fs::create_symlink("inner/w", folder.path / "link");
  write_safetensors(folder / "link", NamedTensors{{"a", Tensor::ones({5})}});
  EXPECT_TRUE(fs::is_symlink(folder.path / "link"));
  EXPECT_EQ(read_safetensors(folder / "inner/w").at("a").size(), 5);
}

TEST(FileTest, ReadsFilesWithoutASize) {
  EXPECT_FALSE(read_file("/proc/self/status").empty());
  EXPECT_THROW(read_file("/proc/self/status", 10), Error);
}

}  // namespace
}  // namespace ingrad
