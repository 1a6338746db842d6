// SPDX-License-Identifier: Apache-2.0
#include "tools/trained_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "engine/ops/elementwise.h"

namespace ingrad::tools {
namespace {

constexpr const char* kMean = "ingrad.mean";
constexpr const char* kDeviation = "ingrad.deviation";
constexpr const char* kClasses = "ingrad.classes";

// [channels, 1, 1] for pictures, [features] for tables.
Tensor per_channel(const std::vector<float>& values, const Shape& input) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(std::max(input.rank(), 1)), 1);
  shape[0] = static_cast<std::int64_t>(values.size());
  return Tensor::from(values, Shape(std::span<const std::int64_t>(shape)));
}

template <class T>
std::vector<T> json_list(const LoadedModel& loaded, const char* key, const std::string& path) {
  const auto found = loaded.metadata.find(key);
  if (found == loaded.metadata.end()) return {};
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  try {
    if (json.is_array()) return json.get<std::vector<T>>();
  } catch (const nlohmann::json::exception&) {
  }
  throw Error(fmt::format("{}: {} is '{}', expected a JSON list", path, key, found->second));
}

}  // namespace

void TrainedModel::to(Device where) {
  model->to(where);
  device = where;
}

ModelFn TrainedModel::on_raw_inputs() const {
  const ModelFn f = as_function(*model);
  if (normalization.mean.empty()) return f;
  std::vector<float> scale, offset;
  for (std::size_t c = 0; c < normalization.mean.size(); ++c) {
    scale.push_back(1 / normalization.deviation[c]);
    offset.push_back(-normalization.mean[c] / normalization.deviation[c]);
  }
  const Tensor times = per_channel(scale, spec.input).to(device);
  const Tensor plus = per_channel(offset, spec.input).to(device);
  return [f, times, plus](const Tensor& x) { return f(x * times + plus); };
}

TrainedModel load_trained(const std::string& path) {
  LoadedModel loaded = load_model(path);
  TrainedModel t;
  t.normalization.mean = json_list<float>(loaded, kMean, path);
  t.normalization.deviation = json_list<float>(loaded, kDeviation, path);
  t.classes = json_list<std::string>(loaded, kClasses, path);
  const std::size_t channels =
      static_cast<std::size_t>(loaded.spec.input.rank() > 0 ? loaded.spec.input[0] : 1);
  const auto& n = t.normalization;
  if (n.mean.size() != n.deviation.size() || (!n.mean.empty() && n.mean.size() != channels)) {
    throw Error(fmt::format("{}: normalisation of {} and {} channels for inputs {}", path,
                            n.mean.size(), n.deviation.size(), loaded.spec.input.str()));
  }
  if (!t.classes.empty() && t.classes.size() != static_cast<std::size_t>(loaded.spec.outputs)) {
    throw Error(fmt::format("{}: {} classes are named for {} outputs", path, t.classes.size(),
                            loaded.spec.outputs));
  }
  t.spec = loaded.spec;
  t.model = std::move(loaded.model);
  t.metadata = std::move(loaded.metadata);
  return t;
}

void save_trained(const std::string& path, const TrainedModel& t,
                  const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> metadata = more;
  if (!t.normalization.mean.empty()) {
    metadata[kMean] = nlohmann::json(t.normalization.mean).dump();
    metadata[kDeviation] = nlohmann::json(t.normalization.deviation).dump();
  }
  if (!t.classes.empty()) metadata[kClasses] = nlohmann::json(t.classes).dump();
  save_model(path, *t.model, t.spec, metadata);
}

InputDomain domain_of(const Normalization& normalization, bool pictures) {
  InputDomain d;
  d.mean.assign(normalization.mean.begin(), normalization.mean.end());
  d.deviation.assign(normalization.deviation.begin(), normalization.deviation.end());
  if (pictures) {
    d.low = {0};
    d.high = {1};
  }
  return d;
}

BatchSource batches_of(const Loader& loader) {
  BatchSource source;
  source.batches = loader.batches();
  source.samples = loader.dataset().size();
  source.batch = [&loader](std::int64_t epoch, std::int64_t index) {
    Minibatch b = loader.batch(epoch, index);
    return Batch{std::move(b.inputs), std::move(b.labels), std::move(b.rows)};
  };
  return source;
}

}  // namespace ingrad::tools
