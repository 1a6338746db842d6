// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "engine/io/csv.h"
#include "engine/io/image.h"
#include "engine/io/npy.h"
#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"

namespace ingrad::tools {
namespace {

namespace fs = std::filesystem;

std::string extension(const std::string& path) {
  std::string e = fs::path(path).extension().string();
  std::transform(e.begin(), e.end(), e.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return e;
}

bool is_picture(const std::string& path) {
  const std::string e = extension(path);
  return e == ".png" || e == ".jpg" || e == ".jpeg";
}

// u8 [height, width, channels] as f32 [1, wanted channels, height, width]. Alpha is dropped; colour
// becomes grey with the weights of ITU-R BT.601.
Tensor as_sample(const Tensor& image, const Shape& sample, const std::string& path) {
  const std::int64_t height = image.dim(0), width = image.dim(1), channels = image.dim(2);
  if (height != sample[1] || width != sample[2]) {
    throw Error(
        fmt::format("{}: the picture is {} x {}, the model takes {} x {}; scale it first "
                    "(width x height)",
                    path, width, height, sample[2], sample[1]));
  }
  const std::int64_t wanted = sample[0], colours = channels >= 3 ? 3 : 1;
  if (wanted != 1 && wanted != 3) {
    throw Error(fmt::format("{}: the model takes {} channels, a picture has 1 or 3", path, wanted));
  }
  const Tensor out = Tensor::empty({1, wanted, height, width});
  const auto* from = image.data<std::uint8_t>();
  auto* to = out.mutable_data<float>();
  for (std::int64_t p = 0; p < height * width; ++p) {
    const std::uint8_t* pixel = from + p * channels;
    for (std::int64_t c = 0; c < wanted; ++c) {
      const double value = colours == 1  ? pixel[0]
                           : wanted == 3 ? pixel[c]
                                         : 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
      to[c * height * width + p] = static_cast<float>(value / 255);
    }
  }
  return out;
}

Inputs read_pictures(const std::vector<std::string>& paths, const Shape& sample) {
  if (sample.rank() != 3) {
    throw Error(fmt::format("{}: the model takes {}, not pictures", paths.front(), sample.str()));
  }
  Inputs inputs;
  std::vector<Tensor> rows;
  for (const std::string& path : paths) {
    rows.push_back(as_sample(read_image(path), sample, path));
    inputs.names.push_back(fs::path(path).stem().string());
  }
  inputs.rows = concat(rows, 0);
  return inputs;
}

std::vector<std::string> numbered(std::int64_t n) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < n; ++i) names.push_back(fmt::format("{}", i));
  return names;
}

Inputs read_array(const std::string& path, const Shape& sample) {
  Tensor t;
  if (extension(path) == ".npz") {
    const NamedTensors all = read_npz(path);
    for (const NamedTensor& n : all) {
      if (all.size() == 1 || n.name == "inputs" || n.name == "images") {
        t = n.tensor;
        break;
      }
    }
    if (!t.defined()) {
      throw Error(
          fmt::format("{}: holds {} arrays, none called inputs or images", path, all.size()));
    }
  } else {
    t = read_npy(path);
  }
  if (t.shape() == sample) t = reshape(t, sample.with_inserted(0, 1));
  if (t.rank() != sample.rank() + 1 || t.shape().without(0) != sample) {
    throw Error(fmt::format("{}: the array is {}, expected [N, ...] of samples {}", path,
                            t.shape().str(), sample.str()));
  }
  Inputs inputs;
  inputs.rows = cast(t, DType::f32);
  if (t.dtype() == DType::u8 && sample.rank() == 3) inputs.rows = inputs.rows / 255.0;
  inputs.names = numbered(t.dim(0));
  return inputs;
}

Inputs read_table(const std::string& path, const Shape& sample) {
  if (sample.rank() != 1) {
    throw Error(fmt::format("{}: the model takes {}, not rows of a table", path, sample.str()));
  }
  const CsvTable table = read_csv(path);
  const auto features = static_cast<std::size_t>(sample[0]);
  if (table.columns.size() != features) {
    throw Error(fmt::format("{}: {} columns, the model takes {} features", path,
                            table.columns.size(), features));
  }
  const std::size_t n = table.rows.size();
  std::vector<float> values(n * features);
  for (std::size_t c = 0; c < features; ++c) {
    const std::vector<double> column = table.numbers(c);
    for (std::size_t r = 0; r < n; ++r) {
      if (std::isnan(column[r])) {
        throw Error(
            fmt::format("{}: row {} has no number in column {}", path, r + 1, table.columns[c]));
      }
      values[r * features + c] = static_cast<float>(column[r]);
    }
  }
  Inputs inputs;
  inputs.rows = Tensor::from(values, {static_cast<std::int64_t>(n), sample[0]});
  inputs.names = numbered(static_cast<std::int64_t>(n));
  if (table.has_header) inputs.features = table.columns;
  return inputs;
}

}  // namespace

Inputs read_inputs(const std::string& path, const Shape& sample, std::int64_t count) {
  Inputs inputs;
  if (fs::is_directory(path)) {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.is_regular_file() && is_picture(entry.path().string())) {
        found.push_back(entry.path().string());
      }
    }
    if (found.empty()) throw Error(fmt::format("{}: no PNG or JPEG files in this folder", path));
    std::sort(found.begin(), found.end());
    if (count > 0) found.resize(std::min(found.size(), static_cast<std::size_t>(count)));
    return read_pictures(found, sample);
  }
  if (!fs::exists(path)) throw Error(fmt::format("{}: there is no such file or folder", path));
  const std::string e = extension(path);
  if (is_picture(path)) return read_pictures({path}, sample);
  inputs = e == ".npy" || e == ".npz" ? read_array(path, sample) : read_table(path, sample);
  if (inputs.rows.dim(0) == 0) throw Error(fmt::format("{}: holds no samples", path));
  if (count > 0 && count < inputs.rows.dim(0)) {
    inputs.rows = narrow(inputs.rows, 0, 0, count);
    inputs.names.resize(static_cast<std::size_t>(count));
  }
  return inputs;
}

}  // namespace ingrad::tools
