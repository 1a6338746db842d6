// SPDX-License-Identifier: Apache-2.0
// Reading golden cases (README.md describes the files) and holding the engine to them.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace ingrad::golden {

// One recorded call. Tensors are as stored: f32 inputs and cotangents, f64 results; undefined
// where the file says null.
struct Case {
  std::string id;
  std::string op;
  nlohmann::json attrs;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::vector<Tensor> cotangents;
  std::vector<Tensor> grads;
};

struct File {
  std::vector<Case> cases;
  std::map<std::string, Tensor> tensors;
};

// tests/golden/NAME.safetensors, read once. Throws when there is none.
const File& read(const std::string& name);

// The engine's way of doing what a case describes: outputs in the order of the file.
using Call =
    std::function<std::vector<Tensor>(const nlohmann::json& attrs, std::span<const Tensor> inputs)>;

struct Mapping {
  Call call;
  // Largest error in f32 relative to the largest reference value of the tensor. Every looser
  // value says why where it is given.
  double f32_tolerance = 1e-5;
};
using Mappings = std::map<std::string, Mapping>;

inline constexpr double kF64Tolerance = 1e-9;

// One per family, in the file of that name.
void map_elementwise(Mappings& to);
void map_shape(Mappings& to);
void map_reduction(Mappings& to);
void map_convolution(Mappings& to);
void map_matmul(Mappings& to);
void map_pooling(Mappings& to);
void map_normalization(Mappings& to);
void map_attention(Mappings& to);
void map_indexing(Mappings& to);
void map_loss(Mappings& to);
void map_second_order(Mappings& to);

// All of the above.
const Mappings& mappings();

// Attributes as the engine's types.
std::vector<std::int64_t> ints(const nlohmann::json& value);
Shape shape_of(const nlohmann::json& value);
// The tensor with floating values converted to `dtype`; others, and undefined ones, unchanged.
Tensor as_dtype(const Tensor& x, DType dtype);

// Largest |got - expected| relative to the largest |expected| (which counts as 1 where all are 0);
// infinite when shapes differ, or NaN and infinities do not coincide.
double relative_error(const Tensor& got, const Tensor& expected);
// Fails the running test where the error exceeds the tolerance, naming the first bad element.
void expect_close(const Tensor& got, const Tensor& expected, double tolerance,
                  std::string_view what);

// Runs the case in f32 and f64, forward and backward, against the stored results.
void check(const Case& golden_case, const Mapping& mapping);

}  // namespace ingrad::golden
