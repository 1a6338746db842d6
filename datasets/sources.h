// SPDX-License-Identifier: Apache-2.0
// The data sets that can be loaded by name: files, official addresses, checksums, and the functions
// that read them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/catalog.h"

namespace ingrad {

struct DataFile {
  std::string name;      // as published; files with ".gz" added are found too
  std::string checksum;  // "sha256 ...", "md5 ..." of the published file, or ""
};

// Files that together make up a data set.
using FileGroup = std::vector<DataFile>;

struct DataSource {
  std::string name, shape;
  std::int64_t classes = 0;
  std::string counts;
  std::vector<std::string> folders;  // below the data folder
  std::vector<FileGroup> groups;     // alternatives, the best first; empty: generated
  std::string address;
  // `data` is the data folder.
  Dataset (*load)(const DataSource& source, const std::string& data, Split split,
                  const DatasetOptions& options, Location where) = nullptr;

  // Path of one of the files; Error with the address if it is not there.
  std::string need(const std::string& data, const std::string& file, Location where) const;
  // The address, with the checksum of each file.
  std::string how_to_get() const;
};

std::span<const DataSource> data_sources();

// The readers, by kind of file.
Dataset load_glyphs(const DataSource&, const std::string&, Split, const DatasetOptions&, Location);
Dataset load_idx_pair(const DataSource&, const std::string&, Split, const DatasetOptions&,
                      Location);
Dataset load_cifar10(const DataSource&, const std::string&, Split, const DatasetOptions&, Location);
Dataset load_cifar100(const DataSource&, const std::string&, Split, const DatasetOptions&,
                      Location);
Dataset load_california(const DataSource&, const std::string&, Split, const DatasetOptions&,
                        Location);
Dataset load_german(const DataSource&, const std::string&, Split, const DatasetOptions&, Location);
Dataset load_adult(const DataSource&, const std::string&, Split, const DatasetOptions&, Location);
Dataset load_optdigits(const DataSource&, const std::string&, Split, const DatasetOptions&,
                       Location);

}  // namespace ingrad
