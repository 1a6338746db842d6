// SPDX-License-Identifier: Apache-2.0
#include "engine/io/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ingrad {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(std::string_view what, const std::string& path, int error, Location where) {
  throw Error(fmt::format("{} {}: {}", what, path, std::strerror(error)), where);
}

// Closes on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  // Closing can report a failed write.
  bool close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result == 0;
  }

 private:
  int fd_;
};

// Removed again unless the renaming succeeded.
struct TemporaryFile {
  std::string path;
  bool keep = false;
  ~TemporaryFile() {
    if (!keep) ::unlink(path.c_str());
  }
};

// The system takes at most about 2 GiB in one call.
constexpr std::size_t kChunk = std::size_t{1} << 30;

// Error says how far it came: a full disk shows here.
void write_parts(const Descriptor& fd, const std::string& path,
                 std::span<const std::span<const std::byte>> parts, Location where) {
  std::size_t total = 0, written = 0;
  for (const auto part : parts) total += part.size();
  for (const auto part : parts) {
    for (std::size_t done = 0; done < part.size();) {
      const ssize_t n = ::write(fd.get(), part.data() + done, std::min(kChunk, part.size() - done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        throw Error(fmt::format("cannot write {}: {} after {} of {} bytes", path,
                                std::strerror(errno), written, total),
                    where);
      }
      done += static_cast<std::size_t>(n);
      written += static_cast<std::size_t>(n);
    }
  }
}

// The renaming itself is durable once the folder is. Some file systems cannot flush folders: the
// file is complete there all the same.
void flush_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

}  // namespace

std::vector<std::byte> read_file(const std::string& path, std::int64_t limit, Location where) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) fail("cannot open", path, errno, where);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) fail("cannot read", path, errno, where);
  if (S_ISDIR(info.st_mode)) fail("cannot read", path, EISDIR, where);
  const auto check_limit = [&](std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(limit)) {
      throw Error(fmt::format("cannot read {}: larger than {} bytes", path, limit), where);
    }
  };
  check_limit(static_cast<std::uint64_t>(std::max<off_t>(info.st_size, 0)));
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::max<off_t>(info.st_size, 0)));
  std::size_t got = 0;
  while (true) {
    // Pipes and growing files have more than they said.
    if (got == bytes.size()) {
      std::byte extra[4096];
      const ssize_t n = ::read(fd.get(), extra, sizeof extra);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("cannot read", path, errno, where);
      if (n == 0) return bytes;
      bytes.insert(bytes.end(), extra, extra + n);
      got = bytes.size();
      check_limit(got);
      continue;
    }
    const ssize_t n = ::read(fd.get(), bytes.data() + got, std::min(kChunk, bytes.size() - got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot read", path, errno, where);
    if (n == 0) {
      bytes.resize(got);
      return bytes;
    }
    got += static_cast<std::size_t>(n);
  }
}

std::shared_ptr<Storage> map_file(const std::string& path, Location where) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) fail("cannot open", path, errno, where);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) fail("cannot read", path, errno, where);
  if (S_ISDIR(info.st_mode)) fail("cannot read", path, EISDIR, where);
  if (info.st_size == 0) return Storage::adopt(nullptr, 0, {});
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) fail("cannot map", path, errno, where);
  return Storage::adopt(data, static_cast<std::int64_t>(size),
                        [size](void* p) { ::munmap(p, size); });
}

void write_file_atomically(const std::string& path,
                           std::span<const std::span<const std::byte>> parts, Location where) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    // Devices and pipes cannot be replaced; they take the bytes as they come.
    Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd.get() < 0) fail("cannot write", path, errno, where);
    write_parts(fd, path, parts, where);
    if (!fd.close()) fail("cannot write", path, errno, where);
    return;
  }
  // The file that a link points to is replaced, not the link.
  std::string target = path;
  if (fs::is_symlink(path, ignored) && fs::exists(status)) target = fs::canonical(path).string();
  static std::atomic<unsigned> counter{0};
  TemporaryFile temporary{fmt::format("{}.{}-{}.part", target, ::getpid(), counter++)};
  Descriptor fd(::open(temporary.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (fd.get() < 0) {
    const int error = errno;
    temporary.keep = true;  // it is not ours
    fail("cannot write", path, error, where);
  }
  write_parts(fd, path, parts, where);
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != EROFS) {
    fail("cannot write", path, errno, where);
  }
  if (!fd.close()) fail("cannot write", path, errno, where);
  if (::rename(temporary.path.c_str(), target.c_str()) != 0) {
    fail("cannot write", path, errno, where);
  }
  temporary.keep = true;
  flush_folder(target);
}

}  // namespace ingrad
