// SPDX-License-Identifier: Apache-2.0
#include "attribution/attribution_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/npy.h"
#include "engine/ops/concat.h"
#include "engine/ops/elementwise.h"

namespace ingrad {
namespace {

template <class T>
Tensor list(const std::vector<T>& values) {
  return Tensor::from(values, {static_cast<std::int64_t>(values.size())});
}

template <class To, class From>
std::vector<To> converted(const std::vector<From>& values) {
  std::vector<To> to;
  for (const From v : values) to.push_back(static_cast<To>(v));
  return to;
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// The arrays of a file by name.
class Arrays {
 public:
  Arrays(const std::string& path, Location where)
      : path_(path), where_(where), arrays_(read_npz(path, where)) {}

  bool has(const std::string& name) const { return find(name) != arrays_.end(); }
  const Tensor& operator()(const std::string& name) const {
    const auto found = find(name);
    if (found == arrays_.end()) {
      throw Error(fmt::format("{}: no array \"{}\"; expected a file of attributions", path_, name),
                  where_);
    }
    return found->tensor;
  }
  template <class T>
  std::vector<T> values(const std::string& name, std::size_t least = 0) const {
    std::vector<T> v = (*this)(name).to_vector<T>();
    if (v.size() < least) {
      throw Error(
          fmt::format("{}: {} numbers in \"{}\", expected {}", path_, v.size(), name, least),
          where_);
    }
    return v;
  }

 private:
  NamedTensors::const_iterator find(const std::string& name) const {
    return std::find_if(arrays_.begin(), arrays_.end(),
                        [&](const NamedTensor& t) { return t.name == name; });
  }

  std::string path_;
  Location where_;
  NamedTensors arrays_;
};

}  // namespace

void save_attribution(const std::string& path, const Attribution& a, Location where) {
  const std::vector<std::uint8_t> name(a.method.begin(), a.method.end());
  const PoolStats& c = a.cost;
  NamedTensors arrays = {
      {"method", list(name)},
      {"values", contiguous(a.values.to({}))},
      {"targets", list(a.targets)},
      {"scalar", list(std::vector<std::int64_t>{static_cast<std::int64_t>(a.scalar)})},
      {"f", list(a.f)},
      {"f_baseline", list(a.f_baseline)},
      {"delta", list(a.delta)},
      {"relative_delta", list(a.relative_delta)},
      {"steps", list(converted<std::int64_t>(a.steps))},
      {"converged", list(converted<std::int64_t>(a.converged))},
      {"r_squared", list(a.r_squared)},
      {"dead", list(converted<std::int64_t>(a.dead))},
      {"seed", list(std::vector<std::int64_t>{static_cast<std::int64_t>(a.seed)})},
      {"seconds", list(std::vector<double>{a.seconds})},
      {"cost", list(std::vector<std::int64_t>{c.forward_rows, c.gradient_rows, c.batch_rows,
                                              c.peak_bytes})}};
  if (a.standard_error.defined()) {
    arrays.push_back({"standard_error", contiguous(a.standard_error.to({}))});
  }
  write_npz(path, arrays, false, where);
}

Attribution load_attribution(const std::string& path, Location where) {
  const Arrays arrays(path, where);
  Attribution a;
  for (const auto c : arrays.values<std::uint8_t>("method")) a.method += static_cast<char>(c);
  a.values = arrays("values");
  a.targets = arrays.values<std::int64_t>("targets");
  const auto scalar = arrays.values<std::int64_t>("scalar", 1)[0];
  if (scalar < 0 || scalar > static_cast<std::int64_t>(ScalarKind::loss)) {
    throw Error(fmt::format("{}: scalar {} is unknown", path, scalar), where);
  }
  a.scalar = static_cast<ScalarKind>(scalar);
  a.f = arrays.values<double>("f");
  a.f_baseline = arrays.values<double>("f_baseline");
  a.delta = arrays.values<double>("delta");
  a.relative_delta = arrays.values<double>("relative_delta");
  a.steps = converted<int>(arrays.values<std::int64_t>("steps"));
  a.converged = converted<char>(arrays.values<std::int64_t>("converged"));
  if (arrays.has("standard_error")) a.standard_error = arrays("standard_error");
  a.r_squared = arrays.values<double>("r_squared");
  a.dead = converted<char>(arrays.values<std::int64_t>("dead"));
  a.seed = static_cast<std::uint64_t>(arrays.values<std::int64_t>("seed", 1)[0]);
  a.seconds = arrays.values<double>("seconds", 1)[0];
  const auto cost = arrays.values<std::int64_t>("cost", 4);
  a.cost = {cost[0], cost[1], cost[2], cost[3]};
  return a;
}

Attribution joined(std::span<const Attribution> parts, Location where) {
  if (parts.empty()) throw Error("joined: no attributions", where);
  Attribution all = parts[0];
  std::vector<Tensor> values = {all.values}, errors = {all.standard_error};
  for (const Attribution& a : parts.subspan(1)) {
    if (a.method != all.method || a.scalar != all.scalar ||
        a.values.shape().without(0) != all.values.shape().without(0) ||
        a.standard_error.defined() != all.standard_error.defined()) {
      throw Error(
          fmt::format("joined: {} of shape {} beside {} of shape {}; expected parts of one "
                      "explanation",
                      a.method, a.values.shape().str(), all.method, all.values.shape().str()),
          where);
    }
    values.push_back(a.values);
    errors.push_back(a.standard_error);
    append(all.targets, a.targets);
    append(all.f, a.f);
    append(all.f_baseline, a.f_baseline);
    append(all.delta, a.delta);
    append(all.relative_delta, a.relative_delta);
    append(all.r_squared, a.r_squared);
    append(all.dead, a.dead);
    append(all.steps, a.steps);
    append(all.converged, a.converged);
    all.seconds += a.seconds;
    all.cost.forward_rows += a.cost.forward_rows;
    all.cost.gradient_rows += a.cost.gradient_rows;
    all.cost.batch_rows = std::max(all.cost.batch_rows, a.cost.batch_rows);
    all.cost.peak_bytes = std::max(all.cost.peak_bytes, a.cost.peak_bytes);
  }
  if (parts.size() == 1) return all;
  all.values = contiguous(concat(values, 0));
  if (all.standard_error.defined()) all.standard_error = contiguous(concat(errors, 0));
  return all;
}

}  // namespace ingrad
