// SPDX-License-Identifier: Apache-2.0
// Deflate streams: gzip files (RFC 1952) and the members of zip archives (RFC 1951).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ingrad {

// The most that a compressed file may hold, unless the caller says otherwise: a few kilobytes can
// claim terabytes.
inline constexpr std::int64_t kInflateLimit = std::int64_t{4} << 30;

// The content of a file that may be compressed with gzip or plain, told apart by the first two
// bytes. Error: as read_file; damaged streams; more than `limit` bytes of content.
std::vector<std::byte> read_maybe_gzip(const std::string& path, std::int64_t limit = kInflateLimit,
                                       Location where = Location::current());

bool is_gzip(std::span<const std::byte> bytes);
// All members of a gzip file, checked against their CRC and length. Error on anything after them.
std::vector<std::byte> gunzip(std::span<const std::byte> bytes, std::string_view what = "gzip data",
                              std::int64_t limit = kInflateLimit,
                              Location where = Location::current());
// One gzip member, for writing test files and reports.
std::vector<std::byte> gzip(std::span<const std::byte> bytes, int level = 6);

// A raw deflate stream that must give exactly `size` bytes and end there.
std::vector<std::byte> inflate_raw(std::span<const std::byte> bytes, std::uint64_t size,
                                   std::string_view what = "deflate stream",
                                   Location where = Location::current());
std::vector<std::byte> deflate_raw(std::span<const std::byte> bytes, int level = 6);
std::uint32_t crc32_of(std::span<const std::byte> bytes);

}  // namespace ingrad
