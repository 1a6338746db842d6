// SPDX-License-Identifier: Apache-2.0
#include "datasets/catalog.h"

#include <fmt/format.h>

#include <algorithm>

#include "datasets/data_folder.h"
#include "datasets/image_folder.h"
#include "datasets/sources.h"

namespace ingrad {
namespace {

constexpr double kTrainShare = 0.8;
constexpr std::string_view kFolderPrefix = "folder:";

// Paths of all files of the first group that is complete; empty if none is.
std::string paths_of(const DataSource& source, const std::string& data) {
  for (const FileGroup& group : source.groups) {
    std::string paths;
    bool complete = true;
    for (const DataFile& file : group) {
      const std::string path = find_data_file(data, source.folders, file.name);
      complete = complete && !path.empty();
      paths += (paths.empty() ? "" : ", ") + path;
    }
    if (complete) return paths;
  }
  return {};
}

CatalogEntry entry_of(const DataSource& source, const std::string& data) {
  CatalogEntry e{source.name, source.shape, source.classes,     source.counts,
                 true,        "",           source.how_to_get()};
  if (source.groups.empty()) {
    e.place = "generated";
    return e;
  }
  e.place = paths_of(source, data);
  e.present = !e.place.empty();
  if (e.present) return e;
  if (data.empty()) {
    e.place = "nowhere: neither an option nor INGRAD_DATA names a folder";
    return e;
  }
  for (const FileGroup& group : source.groups) {
    for (const std::string& path : candidates(data, source.folders, group[0].name)) {
      e.place += (e.place.empty() ? "" : ", ") + path;
    }
  }
  return e;
}

}  // namespace

std::vector<CatalogEntry> catalog(const std::string& data) {
  std::vector<CatalogEntry> entries;
  for (const DataSource& source : data_sources()) {
    entries.push_back(entry_of(source, data_folder(data)));
  }
  return entries;
}

Dataset load_dataset(const std::string& name, Split split, const DatasetOptions& options,
                     Location where) {
  if (options.count < 0) {
    throw Error(fmt::format("data set '{}': count {}, expected at least 0", name, options.count),
                where);
  }
  const auto cut = [&](const Dataset& d) {
    return options.count > 0 ? first_rows(d, options.count) : d;
  };
  if (name.starts_with(kFolderPrefix)) {
    const Dataset all = read_image_folder(name.substr(kFolderPrefix.size()), {}, where);
    const auto [train, test] = split_rows(all, kTrainShare, options.seed, true, where);
    return cut(split == Split::train ? train : test);
  }
  const auto sources = data_sources();
  const auto it = std::find_if(sources.begin(), sources.end(),
                               [&](const DataSource& s) { return s.name == name; });
  if (it == sources.end()) {
    std::string names;
    for (const DataSource& s : sources) names += s.name + ", ";
    throw Error(fmt::format("unknown data set '{}'; expected {}or folder:PATH", name, names),
                where);
  }
  Dataset d = it->load(*it, data_folder(options.data), split, options, where);
  d.name = fmt::format("{} {}", name, name_of(split));
  return cut(checked(std::move(d), where));
}

}  // namespace ingrad
