// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/golden.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "engine/convert.h"
#include "engine/differentiate.h"

namespace ingrad::golden {
namespace {

std::vector<Tensor> pick(const nlohmann::json& names, const std::map<std::string, Tensor>& from) {
  std::vector<Tensor> tensors;
  for (const auto& name : names) {
    tensors.push_back(name.is_null() ? Tensor() : from.at(name.get<std::string>()));
  }
  return tensors;
}

DType dtype_of_name(const std::string& name) {
  static const std::map<std::string, DType> names = {
      {"F32", DType::f32}, {"F64", DType::f64}, {"I64", DType::i64}, {"BOOL", DType::boolean}};
  return names.at(name);
}

// The files are our own, so this trusts them; engine/io has the reader for files of strangers.
File load(const std::string& name) {
  const std::string path = std::string(INGRAD_GOLDEN_DIR) + "/" + name + ".safetensors";
  std::ifstream stream(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  if (bytes.size() < 8) throw Error("cannot read " + path);
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), 8);
  const auto header = nlohmann::json::parse(bytes.substr(8, header_size));
  File file;
  for (const auto& [key, entry] : header.items()) {
    if (key == "__metadata__") continue;
    const Tensor x = Tensor::empty(shape_of(entry["shape"]), dtype_of_name(entry["dtype"]));
    const auto offsets = entry["data_offsets"].get<std::vector<std::size_t>>();
    std::memcpy(x.mutable_raw(), bytes.data() + 8 + header_size + offsets[0],
                offsets[1] - offsets[0]);
    file.tensors[key] = x;
  }
  const auto cases = header["__metadata__"]["cases"].get<std::string>();
  for (const auto& c : nlohmann::json::parse(cases)) {
    file.cases.push_back({c["id"], c["op"], c["attrs"], pick(c["inputs"], file.tensors),
                          pick(c["outputs"], file.tensors), pick(c["cotangents"], file.tensors),
                          pick(c["grads"], file.tensors)});
  }
  return file;
}

std::vector<Tensor> as_dtype(std::span<const Tensor> tensors, DType dtype) {
  std::vector<Tensor> converted;
  for (const Tensor& x : tensors) converted.push_back(golden::as_dtype(x, dtype));
  return converted;
}

void check(const Case& c, const Mapping& mapping, DType dtype, double tolerance) {
  const std::vector<Tensor> inputs = as_dtype(c.inputs, dtype);
  const auto what = [&](std::string_view kind, std::size_t i) {
    return fmt::format("{} {} {} in {} {}", c.id, kind, i, name_of(dtype), c.attrs.dump());
  };

  const std::vector<Tensor> outputs = mapping.call(c.attrs, inputs);
  ASSERT_EQ(outputs.size(), c.outputs.size()) << c.id;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    expect_close(outputs[i], c.outputs[i], tolerance, what("output", i));
    if (is_floating(c.outputs[i].dtype()) && !c.inputs.empty() &&
        std::any_of(inputs.begin(), inputs.end(),
                    [](const Tensor& x) { return is_floating(x.dtype()); })) {
      EXPECT_EQ(outputs[i].dtype(), dtype) << what("output", i);
    }
  }

  // The inputs that have a gradient are the variables; the others stay constant.
  std::vector<std::size_t> variables;
  std::vector<Tensor> start;
  for (std::size_t i = 0; i < c.grads.size(); ++i) {
    if (!c.grads[i].defined()) continue;
    variables.push_back(i);
    start.push_back(inputs[i]);
  }
  if (variables.empty()) return;
  const MultiFn f = [&](std::span<const Tensor> x) {
    std::vector<Tensor> all = inputs;
    for (std::size_t k = 0; k < variables.size(); ++k) all[variables[k]] = x[k];
    return mapping.call(c.attrs, all);
  };
  const std::vector<Tensor> grads = vjp(f, start, as_dtype(c.cotangents, dtype)).cotangents;
  ASSERT_EQ(grads.size(), variables.size()) << c.id;
  for (std::size_t k = 0; k < variables.size(); ++k) {
    expect_close(grads[k], c.grads[variables[k]], tolerance, what("gradient", variables[k]));
  }
}

}  // namespace

const File& read(const std::string& name) {
  static std::map<std::string, File> files;
  const auto found = files.find(name);
  return found != files.end() ? found->second : files.emplace(name, load(name)).first->second;
}

const Mappings& mappings() {
  static const Mappings all = [] {
    Mappings m;
    map_elementwise(m);
    map_shape(m);
    map_reduction(m);
    map_normalization(m);
    map_attention(m);
    map_indexing(m);
    map_convolution(m);
    map_matmul(m);
    map_pooling(m);
    map_loss(m);
    map_second_order(m);
    return m;
  }();
  return all;
}

std::vector<std::int64_t> ints(const nlohmann::json& value) {
  return value.get<std::vector<std::int64_t>>();
}

Shape shape_of(const nlohmann::json& value) { return Shape(ints(value)); }

Tensor as_dtype(const Tensor& x, DType dtype) {
  if (!x.defined() || !is_floating(x.dtype()) || x.dtype() == dtype) return x;
  const std::vector<double> values = x.to_vector<double>();
  const Tensor converted = Tensor::empty(x.shape(), dtype);
  for (std::size_t i = 0; i < values.size(); ++i) {
    store_element(converted.mutable_raw(), dtype, static_cast<std::int64_t>(i), values[i]);
  }
  return converted;
}

double relative_error(const Tensor& got, const Tensor& expected) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (!got.defined() || got.shape() != expected.shape()) return kInfinity;
  const std::vector<double> g = got.to_vector<double>();
  const std::vector<double> e = expected.to_vector<double>();
  double scale = 0;
  double worst = 0;
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (g[i] == e[i] || (std::isnan(g[i]) && std::isnan(e[i]))) {
      if (std::isfinite(e[i])) scale = std::max(scale, std::abs(e[i]));
      continue;
    }
    const double error = std::abs(g[i] - e[i]);
    if (!std::isfinite(error)) return kInfinity;
    scale = std::max(scale, std::abs(e[i]));
    worst = std::max(worst, error);
  }
  return worst / (scale > 0 ? scale : 1.0);
}

void expect_close(const Tensor& got, const Tensor& expected, double tolerance,
                  std::string_view what) {
  const double error = relative_error(got, expected);
  if (error <= tolerance) return;
  if (!got.defined() || got.shape() != expected.shape()) {
    ADD_FAILURE() << what << ": got " << (got.defined() ? got.spec().str() : "nothing")
                  << ", expected " << expected.spec().str();
    return;
  }
  ADD_FAILURE() << what << ": relative error " << error << " over " << tolerance << "\n  got      "
                << got.str() << "\n  expected " << expected.str();
}

void check(const Case& golden_case, const Mapping& mapping) {
  check(golden_case, mapping, DType::f64, kF64Tolerance);
  check(golden_case, mapping, DType::f32, mapping.f32_tolerance);
}

}  // namespace ingrad::golden
