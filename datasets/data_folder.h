// SPDX-License-Identifier: Apache-2.0
// Where files of data sets are looked for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/error.h"

namespace ingrad {

// The folder that the user names, or the environment variable INGRAD_DATA, or "".
std::string data_folder(const std::string& option = {});

// Paths that are tried for `file` of the data set in `folders` (below the data folder; "" is the
// data folder itself), each with and without ".gz".
std::vector<std::string> candidates(const std::string& data, std::span<const std::string> folders,
                                    const std::string& file);
// The first candidate that is a file; "" if there is none.
std::string find_data_file(const std::string& data, std::span<const std::string> folders,
                           const std::string& file);
// The same, or Error: what was looked for, where, and `source`: the official address and checksum.
std::string need_data_file(const std::string& data, std::span<const std::string> folders,
                           const std::string& file, const std::string& source,
                           Location where = Location::current());

}  // namespace ingrad
