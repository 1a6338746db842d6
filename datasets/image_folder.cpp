// SPDX-License-Identifier: Apache-2.0
#include "datasets/image_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "datasets/pictures.h"
#include "engine/io/gzip.h"
#include "engine/io/image.h"

namespace ingrad {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

struct Listing {
  std::vector<fs::path> folders, pictures;
};

Listing list(const fs::path& folder, Location where) {
  Listing result;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error)) {
      result.folders.push_back(it->path());
    } else if (is_picture(it->path())) {
      result.pictures.push_back(it->path());
    }
  }
  if (error) {
    throw Error(fmt::format("cannot list the folder {}: {}", folder.string(), error.message()),
                where);
  }
  std::sort(result.folders.begin(), result.folders.end());
  std::sort(result.pictures.begin(), result.pictures.end());
  return result;
}

}  // namespace

Dataset read_image_folder(const std::string& folder, const ImageFolderOptions& o, Location where) {
  if ((o.channels != 0 && o.channels != 1 && o.channels != 3) || o.height < 0 || o.width < 0 ||
      (o.height == 0) != (o.width == 0)) {
    throw Error(
        fmt::format("image folder: channels {}, size {} x {}; expected 0, 1 or 3 channels and "
                    "both extents or none",
                    o.channels, o.height, o.width),
        where);
  }
  Dataset d;
  d.name = fs::path(folder).filename().string();
  d.provenance = folder;
  std::vector<fs::path> files;
  std::vector<std::int64_t> labels;
  const Listing top = list(folder, where);
  for (const fs::path& sub : top.folders) {
    const Listing inner = list(sub, where);
    if (inner.pictures.empty()) continue;
    files.insert(files.end(), inner.pictures.begin(), inner.pictures.end());
    labels.insert(labels.end(), inner.pictures.size(), static_cast<std::int64_t>(d.classes.size()));
    d.classes.push_back(sub.filename().string());
  }
  if (files.empty()) {
    files = top.pictures;
    labels.assign(files.size(), 0);
    d.classes = {"all"};
  }
  if (files.empty()) {
    throw Error(fmt::format("{}: no files .png, .jpg or .jpeg in it or its subfolders", folder),
                where);
  }
  std::vector<Tensor> pictures;
  std::int64_t channels = o.channels == 0 ? 1 : o.channels, total = 0;
  for (const fs::path& file : files) {
    Tensor picture = read_image(file.string(), where);
    if (o.channels == 0 && picture.dim(2) >= 3) channels = 3;
    if (o.channels != 0) picture = with_channels(picture, o.channels);
    if (o.height > 0) picture = resized(picture, o.height, o.width);
    if (!pictures.empty() &&
        (picture.dim(0) != pictures[0].dim(0) || picture.dim(1) != pictures[0].dim(1))) {
      throw Error(fmt::format("{}: {} x {} pixels, but {} has {} x {}; give a size to resize to",
                              file.string(), picture.dim(1), picture.dim(0), files[0].string(),
                              pictures[0].dim(1), pictures[0].dim(0)),
                  where);
    }
    total += picture.size();
    if (total > kInflateLimit) {
      throw Error(
          fmt::format("{}: its pictures take more than {} bytes of memory", folder, kInflateLimit),
          where);
    }
    pictures.push_back(std::move(picture));
  }
  for (Tensor& picture : pictures) picture = with_channels(picture, channels);
  d.inputs = stack_pictures(pictures, folder, where);
  d.labels = Tensor::from(labels, {static_cast<std::int64_t>(labels.size())});
  return checked(std::move(d), where);
}

}  // namespace ingrad
