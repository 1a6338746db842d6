// SPDX-License-Identifier: Apache-2.0
// What the system refuses, for every reader and writer: missing files, folders, full disks. An Error
// names the path, and nothing that was there is lost.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "engine/io/csv.h"
#include "engine/io/file.h"
#include "engine/io/image.h"
#include "engine/io/npy.h"
#include "engine/io/png.h"
#include "engine/io/safetensors.h"
#include "engine/io/state_dict.h"
#include "tests/engine/io_testing.h"

namespace ingrad {
namespace {

using Path = const std::string&;

struct Reader {
  const char* name;
  std::function<void(Path)> read;
};
const Reader kReaders[] = {
    {"file", [](Path p) { read_file(p); }},
    {"mapped file", [](Path p) { map_file(p); }},
    {"safetensors", [](Path p) { read_safetensors(p); }},
    {"mapped safetensors", [](Path p) { map_safetensors(p); }},
    {"state dict", [](Path p) { read_state_dict(p); }},
    {"npy", [](Path p) { read_npy(p); }},
    {"npz", [](Path p) { read_npz(p); }},
    {"png", [](Path p) { read_png(p); }},
    {"image", [](Path p) { read_image(p); }},
    {"csv", [](Path p) { read_csv(p); }},
};

struct Writer {
  const char* name;
  std::function<void(Path, const Tensor&)> write;  // a picture [H, W] of u8
};
const Writer kWriters[] = {
    {"safetensors", [](Path p, const Tensor& t) { write_safetensors(p, NamedTensors{{"a", t}}); }},
    {"npy", [](Path p, const Tensor& t) { write_npy(p, t); }},
    {"npz", [](Path p, const Tensor& t) { write_npz(p, NamedTensors{{"a", t}}); }},
    {"png", [](Path p, const Tensor& t) { write_png(p, t); }},
};

// A picture that does not compress.
Tensor picture(std::int64_t side) {
  std::vector<std::uint8_t> values;
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < side * side; ++i) {
    state = state * 1664525u + 1013904223u;
    values.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return Tensor::from<std::uint8_t>(values, Shape{side, side});
}

TEST(IoFailures, ReadersNameWhatIsMissing) {
  const TestFolder folder;
  store_file(folder / "file", "x");
  for (const Reader& r : kReaders) {
    SCOPED_TRACE(r.name);
    expect_error([&] { r.read(folder / "missing"); }, folder / "missing");
    expect_error([&] { r.read(folder.path.string()); }, folder.path.string());
    expect_error([&] { r.read(folder / "file/below"); }, folder / "file/below");
    expect_error([&] { r.read(""); }, "");
  }
}

TEST(IoFailures, ReadersOfFormatsRefuseEmptyFiles) {
  const TestFolder folder;
  store_file(folder / "empty", "");
  for (const Reader& r : kReaders) {
    const std::string name = r.name;
    if (name.ends_with("file") || name == "csv") continue;
    SCOPED_TRACE(name);
    expect_error([&] { r.read(folder / "empty"); }, folder / "empty");
  }
}

TEST(IoFailures, WritersNameWhereTheyCannotWrite) {
  const TestFolder folder;
  store_file(folder / "file", "x");
  const Tensor small = picture(4);
  for (const Writer& w : kWriters) {
    SCOPED_TRACE(w.name);
    expect_error([&] { w.write(folder / "none/x", small); }, folder / "none/x");
    expect_error([&] { w.write(folder / "file/x", small); }, folder / "file/x");
    expect_error([&] { w.write(folder.path.string(), small); }, folder.path.string());
    EXPECT_EQ(folder.files(), 1u);
  }
}

// Root may write anywhere, so that there permissions refuse nothing.
TEST(IoFailures, FoldersWithoutPermissionStayAsTheyAre) {
  if (geteuid() == 0) GTEST_SKIP() << "needs a user other than root";
  namespace fs = std::filesystem;
  const TestFolder folder;
  fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
  for (const Writer& w : kWriters) {
    SCOPED_TRACE(w.name);
    expect_error([&] { w.write(folder / "x", picture(4)); }, "Permission denied");
  }
  fs::permissions(folder.path, fs::perms::owner_all);
  EXPECT_EQ(folder.files(), 0u);
}

TEST(IoFailures, FullDevicesAreErrors) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "needs the device /dev/full";
  for (const Writer& w : kWriters) {
    SCOPED_TRACE(w.name);
    expect_error([&] { w.write("/dev/full", picture(4)); }, "No space left on device");
  }
}

// A limit on the size of files stands in for a disk that is full.
TEST(IoFailures, FullDisksLeaveTheOldContentAlone) {
  const TestFolder folder;
  for (const Writer& w : kWriters) {
    SCOPED_TRACE(w.name);
    const std::string path = folder / "x";
    w.write(path, picture(4));
    const auto before = read_file(path);
    struct rlimit old {};
    getrlimit(RLIMIT_FSIZE, &old);
    struct rlimit tight = old;
    tight.rlim_cur = 1 << 12;
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    expect_error([&] { w.write(path, picture(128)); }, path);
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(read_file(path), before);
    EXPECT_EQ(folder.files(), 1u);
  }
}

}  // namespace
}  // namespace ingrad
