// SPDX-License-Identifier: Apache-2.0
// Zip archives in memory (PKWARE APPNOTE 6.3): stored and deflated members, no zip64, no
// encryption, one disk. NPZ files and PyTorch checkpoints are such archives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/io/gzip.h"

namespace ingrad {

class ZipReader {
 public:
  struct Member {
    std::string name;
    std::uint32_t crc = 0;
    std::uint32_t compressed = 0, size = 0;  // bytes
    std::uint32_t offset = 0;                // of the local header
    bool deflated = false;
  };

  // Reads the list of members; `bytes` outlives the reader. Error: no or damaged list, a name given
  // twice, zip64, encryption, other methods of compression, members that together hold more than
  // `limit` bytes.
  explicit ZipReader(std::span<const std::byte> bytes, std::string_view what = "zip archive",
                     std::int64_t limit = kInflateLimit, Location where = Location::current());

  const std::vector<Member>& members() const { return members_; }
  const Member* find(std::string_view name) const;
  // The content, its length and CRC checked.
  std::vector<std::byte> read(const Member& member) const;

 private:
  void read_list();
  Member read_member(class ByteReader& in) const;

  std::span<const std::byte> bytes_;
  std::string what_;
  Location where_;
  std::vector<Member> members_;
};

// Collects members; `finish` gives the archive. Dates are fixed: equal content gives equal bytes.
class ZipWriter {
 public:
  // Error: a name given twice or over 65,535 bytes, more than 65,535 members, 4 GiB in all.
  void add(const std::string& name, std::span<const std::byte> content, bool deflate = false,
           Location where = Location::current());
  std::vector<std::byte> finish();

 private:
  std::vector<std::byte> bytes_, list_;
  std::vector<std::string> names_;
};

}  // namespace ingrad
