// SPDX-License-Identifier: Apache-2.0
#include "models/model_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>

#include "engine/io/safetensors.h"
#include "engine/io/state_dict.h"
#include "engine/option_text.h"

namespace ingrad {
namespace {

constexpr const char* kModel = "ingrad.model";
constexpr const char* kInputShape = "ingrad.input_shape";
constexpr const char* kOutputs = "ingrad.outputs";

bool begins_with(const std::string& path, std::string_view expected) {
  std::string first(expected.size(), '\0');
  std::ifstream(path, std::ios::binary)
      .read(first.data(), static_cast<std::streamsize>(first.size()));
  return first == expected;
}

std::int64_t parse_count(const std::string& text, const std::string& what, Location where) {
  const auto values = parse_integers(text, what, where);
  if (values.size() != 1)
    throw Error(fmt::format("{}: '{}', expected one integer", what, text), where);
  return values[0];
}

void load_into(Module& model, std::span<const NamedTensor> state, const std::string& path,
               Location where) {
  try {
    model.load_state(state, where);
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", path, e.message()), where);
  }
}

}  // namespace

void save_model(const std::string& path, const Module& model, const ModelSpec& spec,
                const std::map<std::string, std::string>& metadata, Location where) {
  auto all = metadata;
  for (const auto& [key, value] : {std::pair<std::string, std::string>{kModel, spec.text},
                                   {kInputShape, fmt::format("{}", fmt::join(spec.input, "x"))},
                                   {kOutputs, std::to_string(spec.outputs)}}) {
    if (!all.emplace(key, value).second) {
      throw Error(fmt::format("save_model: metadata under the name {}, which is taken", key),
                  where);
    }
  }
  write_safetensors(path, model.state(), all, where);
}

LoadedModel load_model(const std::string& path, Location where) {
  Safetensors file = map_safetensors(path, where);
  for (const char* key : {kModel, kInputShape, kOutputs}) {
    if (!file.metadata.contains(key)) {
      throw Error(fmt::format("{}: no model of this library (there is no {} in it); weights alone "
                              "need the name of a model",
                              path, key),
                  where);
    }
  }
  LoadedModel loaded;
  loaded.spec.text = file.metadata[kModel];
  const auto extents =
      parse_integers(file.metadata[kInputShape], fmt::format("{}: {}", path, kInputShape), where);
  loaded.spec.input = Shape(extents, where);
  loaded.spec.outputs =
      parse_count(file.metadata[kOutputs], fmt::format("{}: {}", path, kOutputs), where);
  const bool is_double = std::any_of(file.tensors.begin(), file.tensors.end(),
                                     [](const auto& t) { return t.tensor.dtype() == DType::f64; });
  loaded.spec.dtype = is_double ? DType::f64 : DType::f32;
  loaded.model = build_model(loaded.spec, where);
  load_into(*loaded.model, file.tensors, path, where);
  loaded.metadata = std::move(file.metadata);
  return loaded;
}

NamedTensors read_weights(const std::string& path, Location where) {
  // A pickled number, as torch.save began its files before version 1.6; as a safetensors header it
  // would be longer than is allowed.
  if (begins_with(path, "\x80\x02\x8a\x0a")) {
    throw Error(fmt::format("{}: a PyTorch file in the format before version 1.6; load it and save "
                            "it again with torch.save",
                            path),
                where);
  }
  NamedTensors weights =
      begins_with(path, "PK") ? read_state_dict(path, where) : map_safetensors(path, where).tensors;
  constexpr std::string_view kPrefix = "module.";
  if (std::all_of(weights.begin(), weights.end(),
                  [&](const auto& w) { return w.name.starts_with(kPrefix); })) {
    for (auto& w : weights) w.name.erase(0, kPrefix.size());
  }
  return weights;
}

void load_weights(Module& model, const std::string& path, Location where) {
  load_into(model, read_weights(path, where), path, where);
}

}  // namespace ingrad
