// SPDX-License-Identifier: Apache-2.0
#include "engine/io/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <set>

#include "engine/io/byte_reader.h"

namespace ingrad {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50, kListSignature = 0x02014b50,
                        kEndSignature = 0x06054b50;
constexpr std::uint64_t kEndSize = 22, kLocalSize = 30, kMaxComment = 65535;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kEncrypted = 1;
constexpr std::uint16_t kVersion = 20, kUtf8 = 1 << 11;
constexpr std::uint16_t kDate = 0x0021;  // 1980-01-01
constexpr std::uint32_t kZip64 = 0xffffffff;

template <std::unsigned_integral T>
void put(std::vector<std::byte>& to, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff));
  }
}

void put(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// What the local header and the entry of the list have in common.
void put_common(std::vector<std::byte>& to, bool deflated, std::uint32_t crc,
                std::uint32_t compressed, std::uint32_t size, const std::string& name) {
  put(to, kVersion);
  put(to, kUtf8);
  put(to, deflated ? kDeflated : kStored);
  put(to, std::uint16_t{0});  // time
  put(to, kDate);
  put(to, crc);
  put(to, compressed);
  put(to, size);
  put(to, static_cast<std::uint16_t>(name.size()));
  put(to, std::uint16_t{0});  // extra field
}

}  // namespace

ZipReader::ZipReader(std::span<const std::byte> bytes, std::string_view what, std::int64_t limit,
                     Location where)
    : bytes_(bytes), what_(what), where_(where) {
  read_list();
  std::uint64_t total = 0;
  std::set<std::string_view> names;
  for (const Member& m : members_) {
    total += m.size;
    if (!names.insert(m.name).second) {
      throw Error(fmt::format("{}: member '{}' is there twice", what_, printable(m.name)), where_);
    }
  }
  if (total > static_cast<std::uint64_t>(limit)) {
    throw Error(fmt::format("{}: members of {} bytes, at most {} are read", what_, total, limit),
                where_);
  }
}

void ZipReader::read_list() {
  ByteReader in(bytes_, what_, where_);
  if (bytes_.size() < kEndSize) in.fail(fmt::format("{} bytes are no zip archive", bytes_.size()));
  // The end record is the last thing in the file, before a comment whose length it gives.
  const std::uint64_t last = bytes_.size() - kEndSize;
  const std::uint64_t lowest = last > kMaxComment ? last - kMaxComment : 0;
  std::uint64_t at = last + 1;
  for (bool found = false; !found;) {
    if (at == lowest) in.fail("no zip archive: there is no end record");
    in.seek(--at, "the end record");
    if (in.little<std::uint32_t>("the end record") != kEndSignature) continue;
    in.seek(at + 20, "the end record");
    found = in.little<std::uint16_t>("the end record") == last - at;
  }
  in.seek(at + 4, "the end record");
  const auto disk = in.little<std::uint16_t>("the end record");
  const auto list_disk = in.little<std::uint16_t>("the end record");
  const auto here = in.little<std::uint16_t>("the end record");
  const auto count = in.little<std::uint16_t>("the end record");
  const auto list_size = in.little<std::uint32_t>("the end record");
  const auto list_offset = in.little<std::uint32_t>("the end record");
  if (count == 0xffff || list_offset == kZip64) in.fail("zip64 archives are not supported");
  if (disk != 0 || list_disk != 0 || here != count)
    in.fail("archives of several disks are not supported");
  if (std::uint64_t{list_offset} + list_size > at) {
    in.fail(fmt::format("the list of members, bytes {} to {}, overlaps the end record at byte {}",
                        list_offset, std::uint64_t{list_offset} + list_size, at));
  }
  ByteReader list(bytes_.first(std::uint64_t{list_offset} + list_size), what_, where_);
  list.seek(list_offset, "the list of members");
  for (int i = 0; i < count; ++i) members_.push_back(read_member(list));
  if (!list.at_end())
    list.fail(fmt::format("{} bytes follow the list of members", list.remaining()));
}

ZipReader::Member ZipReader::read_member(ByteReader& in) const {
  constexpr std::string_view kOf = "the list of members";
  if (in.little<std::uint32_t>(kOf) != kListSignature) in.fail("damaged list of members");
  in.take(4, kOf);  // versions
  const auto flags = in.little<std::uint16_t>(kOf);
  const auto method = in.little<std::uint16_t>(kOf);
  in.take(4, kOf);  // time, date
  Member m;
  m.crc = in.little<std::uint32_t>(kOf);
  m.compressed = in.little<std::uint32_t>(kOf);
  m.size = in.little<std::uint32_t>(kOf);
  const auto name_size = in.little<std::uint16_t>(kOf);
  const auto extra_size = in.little<std::uint16_t>(kOf);
  const auto comment_size = in.little<std::uint16_t>(kOf);
  in.take(8, kOf);  // disk, attributes
  m.offset = in.little<std::uint32_t>(kOf);
  m.name = in.take_text(name_size, kOf);
  in.take(std::uint64_t{extra_size} + comment_size, kOf);
  const std::string name = printable(m.name);
  if (m.compressed == kZip64 || m.size == kZip64 || m.offset == kZip64) {
    in.fail(fmt::format("member '{}' is zip64, which is not supported", name));
  }
  if (flags & kEncrypted) in.fail(fmt::format("member '{}' is encrypted", name));
  if (method != kStored && method != kDeflated) {
    in.fail(
        fmt::format("member '{}' is compressed by method {}, expected 0 (stored) or 8 (deflate)",
                    name, method));
  }
  m.deflated = method == kDeflated;
  if (!m.deflated && m.compressed != m.size) {
    in.fail(
        fmt::format("member '{}' is stored in {} bytes but has {}", name, m.compressed, m.size));
  }
  return m;
}

const ZipReader::Member* ZipReader::find(std::string_view name) const {
  const auto it = std::find_if(members_.begin(), members_.end(),
                               [&](const Member& m) { return m.name == name; });
  return it == members_.end() ? nullptr : &*it;
}

std::vector<std::byte> ZipReader::read(const Member& m) const {
  const std::string what = fmt::format("{}, member '{}'", what_, printable(m.name));
  ByteReader in(bytes_, what, where_);
  in.seek(m.offset, "the local header");
  if (in.little<std::uint32_t>("the local header") != kLocalSignature) {
    in.fail(fmt::format("no local header at byte {}", m.offset));
  }
  in.take(kLocalSize - 8, "the local header");
  const auto name_size = in.little<std::uint16_t>("the local header");
  const auto extra_size = in.little<std::uint16_t>("the local header");
  if (in.take_text(name_size, "the local header") != m.name) {
    in.fail("the local header has another name");
  }
  in.take(extra_size, "the local header");
  const auto raw = in.take(m.compressed, "the content");
  std::vector<std::byte> content = m.deflated ? inflate_raw(raw, m.size, what, where_)
                                              : std::vector<std::byte>(raw.begin(), raw.end());
  if (const std::uint32_t crc = crc32_of(content); crc != m.crc) {
    in.fail(fmt::format("damaged: CRC {:08x}, expected {:08x}", crc, m.crc));
  }
  return content;
}

void ZipWriter::add(const std::string& name, std::span<const std::byte> content, bool deflate,
                    Location where) {
  if (name.size() > 65535 || names_.size() >= 65534 ||
      std::find(names_.begin(), names_.end(), name) != names_.end()) {
    throw Error(
        fmt::format("zip: member '{}' is there twice, too long, or one too many", printable(name)),
        where);
  }
  std::vector<std::byte> packed;
  if (deflate) packed = deflate_raw(content);
  const auto data = deflate ? std::span<const std::byte>(packed) : content;
  const std::uint64_t end = bytes_.size() + kLocalSize + name.size() + data.size();
  if (end >= kZip64 || content.size() >= kZip64) {
    throw Error(fmt::format("zip: member '{}' of {} bytes brings the archive to {} bytes, at most "
                            "4 GiB can be written",
                            printable(name), content.size(), end),
                where);
  }
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  const std::uint32_t crc = crc32_of(content);
  const auto compressed = static_cast<std::uint32_t>(data.size());
  const auto size = static_cast<std::uint32_t>(content.size());
  const auto name_bytes = std::as_bytes(std::span(name));
  put(bytes_, kLocalSignature);
  put_common(bytes_, deflate, crc, compressed, size, name);
  put(bytes_, name_bytes);
  put(bytes_, data);
  put(list_, kListSignature);
  put(list_, kVersion);
  put_common(list_, deflate, crc, compressed, size, name);
  put(list_, std::uint16_t{0});  // comment
  put(list_, std::uint16_t{0});  // disk
  put(list_, std::uint16_t{0});  // internal attributes
  put(list_, std::uint32_t{0});  // external attributes
  put(list_, offset);
  put(list_, name_bytes);
  names_.push_back(name);
}

std::vector<std::byte> ZipWriter::finish() {
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  const auto count = static_cast<std::uint16_t>(names_.size());
  std::vector<std::byte> bytes = std::move(bytes_);
  put(bytes, list_);
  put(bytes, kEndSignature);
  put(bytes, std::uint16_t{0});  // disks
  put(bytes, std::uint16_t{0});
  put(bytes, count);
  put(bytes, count);
  put(bytes, static_cast<std::uint32_t>(list_.size()));
  put(bytes, offset);
  put(bytes, std::uint16_t{0});  // comment
  *this = ZipWriter();
  return bytes;
}

}  // namespace ingrad
