// SPDX-License-Identifier: Apache-2.0
// Pictures (PNG, JPEG) in folders.
#pragma once

#include <cstdint>
#include <string>

#include "datasets/dataset.h"

namespace ingrad {

struct ImageFolderOptions {
  std::int64_t channels = 0;           // 1 or 3; 0: 1 if every picture is grey, else 3
  std::int64_t height = 0, width = 0;  // resized to this by area; 0: all must have the first's size
};

// One class per subfolder, in alphabetical order; or, without subfolders that hold pictures, all
// pictures of the folder itself as the one class "all". Files are taken in alphabetical order;
// names that do not end in .png, .jpg or .jpeg are left out. u8 [N, channels, height, width].
// Error: no pictures, different sizes, more than 4 GiB in all, and as read_image.
Dataset read_image_folder(const std::string& folder, const ImageFolderOptions& options = {},
                          Location where = Location::current());

}  // namespace ingrad
