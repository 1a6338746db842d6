// SPDX-License-Identifier: Apache-2.0
// Readers of the picture sets that have a name.
#include <fmt/format.h>

#include "datasets/cifar.h"
#include "datasets/data_folder.h"
#include "datasets/glyphs.h"
#include "datasets/idx.h"
#include "datasets/sources.h"
#include "engine/io/csv.h"

namespace ingrad {
namespace {

std::vector<std::string> class_names(const DataSource& source) {
  if (source.name == "fashion-mnist") {
    return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  }
  if (source.name == "kmnist") {
    return {"o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"};
  }
  if (source.name == "xray-pneumonia28") return {"normal", "pneumonia"};
  if (source.name == "cifar10") {
    return {"airplane", "automobile", "bird",  "cat",  "deer",
            "dog",      "frog",       "horse", "ship", "truck"};
  }
  std::vector<std::string> numbers;
  for (std::int64_t i = 0; i < source.classes; ++i) numbers.push_back(std::to_string(i));
  return numbers;
}

// Labels of an IDX file: u8 [count].
Tensor idx_labels(const std::string& path, std::int64_t count, Location where) {
  const Tensor labels = read_idx(path, where);
  if (labels.dtype() != DType::u8 || labels.rank() != 1 || labels.dim(0) != count) {
    throw Error(fmt::format("{}: labels {}, expected u8[{}]", path, labels.spec().str(), count),
                where);
  }
  return Tensor::from(labels.to_vector<std::int64_t>(), {count});
}

// CIFAR-100's archive has the names beside the data, a line each.
std::vector<std::string> fine_names(const DataSource& source, const std::string& data) {
  const std::string path = find_data_file(data, source.folders, "fine_label_names.txt");
  if (!path.empty()) {
    std::vector<std::string> names;
    for (const auto& row : read_csv(path, {.separator = ',', .header = false}).rows) {
      names.push_back(row[0]);
    }
    if (static_cast<std::int64_t>(names.size()) == source.classes) return names;
  }
  return class_names(source);
}

}  // namespace

Dataset load_glyphs(const DataSource&, const std::string&, Split split,
                    const DatasetOptions& options, Location where) {
  GlyphOptions glyphs;
  glyphs.split = split;
  glyphs.seed = options.seed;
  glyphs.count = options.count > 0 ? options.count : split == Split::train ? 20000 : 4000;
  return make_glyphs(glyphs, where);
}

Dataset load_idx_pair(const DataSource& source, const std::string& data, Split split,
                      const DatasetOptions&, Location where) {
  const FileGroup& files = source.groups[0];
  const std::size_t first = split == Split::train ? 0 : 2;
  const std::string path = source.need(data, files[first].name, where);
  const std::string label_path = source.need(data, files[first + 1].name, where);
  const Tensor images = read_idx(path, where);
  if (images.dtype() != DType::u8 || images.rank() != 3) {
    throw Error(fmt::format("{}: pictures {}, expected u8 with 3 axes", path, images.spec().str()),
                where);
  }
  const std::int64_t n = images.dim(0), height = images.dim(1), width = images.dim(2);
  Dataset d;
  d.inputs =
      images.as_strided({n, 1, height, width}, {height * width, height * width, width, 1}, 0);
  d.labels = idx_labels(label_path, n, where);
  d.classes = class_names(source);
  d.provenance = path;
  return d;
}

Dataset load_cifar10(const DataSource& source, const std::string& data, Split split,
                     const DatasetOptions&, Location where) {
  Dataset d;
  d.classes = class_names(source);
  const bool train = split == Split::train;
  const std::string first =
      find_data_file(data, source.folders, train ? "data_batch_1.bin" : "test_batch.bin");
  const std::string jpegs =
      find_data_file(data, source.folders, train ? "train-images.jpgs" : "test-images.jpgs");
  if (first.empty() && !jpegs.empty()) {
    d.inputs = read_jpeg_records(jpegs, where);
    const std::string labels =
        source.need(data, train ? "train-labels-idx1-ubyte" : "test-labels-idx1-ubyte", where);
    d.labels = idx_labels(labels, d.inputs.dim(0), where);
    d.provenance = jpegs + " (excerpt, JPEG)";
    return d;
  }
  std::vector<std::string> paths;
  for (int i = 1; i <= (train ? 5 : 1); ++i) {
    const std::string file = train ? fmt::format("data_batch_{}.bin", i) : "test_batch.bin";
    paths.push_back(source.need(data, file, where));
  }
  const CifarRecords records = read_cifar(paths, 1, 10, where);
  d.inputs = records.images;
  d.labels = records.labels;
  d.provenance = paths[0];
  return d;
}

Dataset load_cifar100(const DataSource& source, const std::string& data, Split split,
                      const DatasetOptions&, Location where) {
  const std::string path = source.need(data, name_of(split) + ".bin", where);
  const CifarRecords records = read_cifar(std::span(&path, 1), 2, 100, where);
  Dataset d;
  d.inputs = records.images;
  d.labels = records.labels;
  d.classes = fine_names(source, data);
  d.provenance = path;
  return d;
}

}  // namespace ingrad
