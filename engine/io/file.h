// SPDX-License-Identifier: Apache-2.0
// Whole files: read with every failure named, written so that a reader sees the old or the new
// content and never a part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"
#include "engine/storage.h"

namespace ingrad {

// Error when the file cannot be opened or read, is a directory, or is larger than `limit` bytes.
std::vector<std::byte> read_file(const std::string& path,
                                 std::int64_t limit = std::int64_t{1} << 40,
                                 Location where = Location::current());

// The file's pages as storage, read when they are first touched. Changes stay in memory: they never
// reach the file. Error as read_file. The file must not be shortened while the storage lives.
std::shared_ptr<Storage> map_file(const std::string& path, Location where = Location::current());

// The parts one after another: into a temporary file beside `path`, flushed to the disk, which then
// takes the place of `path` (of the file it points to, if it is a link). Devices and pipes are
// written to directly. Error (full disk, no permission, ...), with the number of bytes that were
// written, leaves `path` as it was and no temporary file behind.
void write_file_atomically(const std::string& path,
                           std::span<const std::span<const std::byte>> parts,
                           Location where = Location::current());

}  // namespace ingrad
