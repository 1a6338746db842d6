// SPDX-License-Identifier: Apache-2.0
#include "engine/io/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "engine/io/file.h"

namespace ingrad {
namespace {

constexpr int kRawWindow = -15;
constexpr int kGzipWindow = 15 + 16;
// zlib counts in 32 bits: longer data go in and out by pieces.
constexpr std::size_t kPiece = std::size_t{1} << 30;
constexpr std::size_t kFirstOutput = std::size_t{1} << 16;

Bytef* bytef(const std::byte* p) { return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(p)); }

// Closes on every way out.
struct Inflater {
  z_stream stream{};
  explicit Inflater(int window) {
    if (inflateInit2(&stream, window) != Z_OK) throw Error("zlib: no memory for inflate");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

// Appends one stream's content to `out`; returns how many bytes of `in` it took. The output grows
// as data arrive, never by what the file claims.
std::size_t inflate_stream(std::span<const std::byte> in, int window, std::uint64_t limit,
                           std::vector<std::byte>& out, std::string_view what, Location where) {
  Inflater inflater(window);
  z_stream& z = inflater.stream;
  std::size_t fed = 0, filled = out.size();
  while (true) {
    if (z.avail_in == 0 && fed < in.size()) {
      const std::size_t piece = std::min(kPiece, in.size() - fed);
      z.next_in = bytef(in.data() + fed);
      z.avail_in = static_cast<uInt>(piece);
      fed += piece;
    }
    if (filled == out.size()) {
      // One byte beyond the limit shows that there is more.
      const std::uint64_t wanted = std::max<std::uint64_t>(kFirstOutput, 2 * out.size());
      out.resize(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, limit + 1)));
    }
    const std::size_t room = std::min(kPiece, out.size() - filled);
    z.next_out = bytef(out.data() + filled);
    z.avail_out = static_cast<uInt>(room);
    const int status = ::inflate(&z, Z_NO_FLUSH);
    filled += room - z.avail_out;
    if (filled > limit) {
      throw Error(fmt::format("{}: more than {} bytes when decompressed", what, limit), where);
    }
    if (status == Z_STREAM_END) break;
    if (status == Z_BUF_ERROR ||
        (status == Z_OK && z.avail_in == 0 && z.avail_out != 0 && fed == in.size())) {
      throw Error(
          fmt::format("{}: the compressed data end early, after {} bytes of content", what, filled),
          where);
    }
    if (status != Z_OK) {
      throw Error(fmt::format("{}: damaged compressed data after {} bytes of content: {}", what,
                              filled, z.msg != nullptr ? z.msg : "zlib error"),
                  where);
    }
  }
  out.resize(filled);
  return fed - z.avail_in;
}

std::vector<std::byte> deflate_with(std::span<const std::byte> in, int window, int level) {
  z_stream z{};
  if (deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error(fmt::format("zlib: cannot compress at level {}", level));
  }
  const struct End {
    z_stream* stream;
    ~End() { deflateEnd(stream); }
  } end{&z};
  std::vector<std::byte> out(kFirstOutput);
  std::size_t fed = 0, filled = 0;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (z.avail_in == 0 && fed < in.size()) {
      const std::size_t piece = std::min(kPiece, in.size() - fed);
      z.next_in = bytef(in.data() + fed);
      z.avail_in = static_cast<uInt>(piece);
      fed += piece;
    }
    if (filled == out.size()) out.resize(2 * out.size());
    const std::size_t room = std::min(kPiece, out.size() - filled);
    z.next_out = bytef(out.data() + filled);
    z.avail_out = static_cast<uInt>(room);
    status = ::deflate(&z, fed == in.size() ? Z_FINISH : Z_NO_FLUSH);
    filled += room - z.avail_out;
  }
  out.resize(filled);
  return out;
}

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

std::vector<std::byte> gunzip(std::span<const std::byte> bytes, std::string_view what,
                              std::int64_t limit, Location where) {
  std::vector<std::byte> out;
  do {
    if (!is_gzip(bytes)) {
      throw Error(
          fmt::format("{}: {} bytes that are no gzip member follow after {} bytes of content", what,
                      bytes.size(), out.size()),
          where);
    }
    bytes = bytes.subspan(
        inflate_stream(bytes, kGzipWindow, static_cast<std::uint64_t>(limit), out, what, where));
  } while (!bytes.empty());
  return out;
}

std::vector<std::byte> read_maybe_gzip(const std::string& path, std::int64_t limit,
                                       Location where) {
  std::vector<std::byte> bytes = read_file(path, limit, where);
  return is_gzip(bytes) ? gunzip(bytes, path, limit, where) : bytes;
}

std::vector<std::byte> gzip(std::span<const std::byte> bytes, int level) {
  return deflate_with(bytes, kGzipWindow, level);
}

std::vector<std::byte> inflate_raw(std::span<const std::byte> bytes, std::uint64_t size,
                                   std::string_view what, Location where) {
  std::vector<std::byte> out;
  const std::size_t used = inflate_stream(bytes, kRawWindow, size, out, what, where);
  if (out.size() != size || used != bytes.size()) {
    throw Error(fmt::format("{}: {} bytes of content from {} of {} compressed bytes, expected {}",
                            what, out.size(), used, bytes.size(), size),
                where);
  }
  return out;
}

std::vector<std::byte> deflate_raw(std::span<const std::byte> bytes, int level) {
  return deflate_with(bytes, kRawWindow, level);
}

std::uint32_t crc32_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, bytef(bytes.data()), bytes.size()));
}

}  // namespace ingrad
