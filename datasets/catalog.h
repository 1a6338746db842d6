// SPDX-License-Identifier: Apache-2.0
// Data sets by name: what there is, where it was found or looked for, how to get the rest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace ingrad {

struct CatalogEntry {
  std::string name;      // for load_dataset
  std::string shape;     // of one sample
  std::int64_t classes;  // 0: regression
  std::string counts;    // of samples, train + test
  bool present;
  std::string place;   // present: the files that would be read; else the paths that were tried
  std::string source;  // the official address, files and checksums
};

// Every data set that can be loaded by name, present or not. `data`: the folder of data sets;
// empty: the environment variable INGRAD_DATA.
std::vector<CatalogEntry> catalog(const std::string& data = {});

struct DatasetOptions {
  std::string data = {};    // as for catalog
  std::int64_t count = 0;   // > 0: the first so many samples; of glyphs: how many to make
  std::uint64_t seed = 0;   // of glyphs, and of the split of tables that come in one piece
  bool standardize = true;  // tables: numbers with mean 0 and deviation 1 over the training part
};

// The names of `catalog`, or "folder:PATH" (image_folder.h; without an official split: 80% train,
// 20% test, by seed, of each class). Error: an unknown name (the known ones are listed), missing
// files (where they were looked for and where to get them), damaged ones.
//   cifar10: the official binary files; without them the excerpt as JPEG (train-images.jpgs.gz
//   ...). california: MedInc, HouseAge, AveRooms, AveBedrms, Population, AveOccup, Latitude,
//   Longitude;
//     the target is the median house value in units of 100,000.
//   california, german and adult without adult.test: 80% train, 20% test, by seed.
Dataset load_dataset(const std::string& name, Split split, const DatasetOptions& options = {},
                     Location where = Location::current());

}  // namespace ingrad
