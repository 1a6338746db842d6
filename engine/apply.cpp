// SPDX-License-Identifier: Apache-2.0
// Calling an op: check, infer, execute or trace, record.
#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstdlib>

#include "engine/builder.h"
#include "engine/convert.h"
#include "engine/device.h"
#include "engine/graph.h"
#include "engine/node.h"

namespace ingrad {
namespace {

std::atomic<bool> check_nan{[] {
  const char* v = std::getenv("INGRAD_CHECK_NAN");
  return v != nullptr && std::string_view(v) == "1";
}()};

void fail_on_nan(const OpDef& op, const Tensor& t, int output, Location where) {
  if (!is_floating(t.dtype())) return;
  const auto values = t.to_vector<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      throw Error(fmt::format("{}: output {} of {} has NaN at element {}", op.name, output,
                              t.spec().str(), i),
                  where);
    }
  }
}

// Ops run where their inputs are.
Device device_of(std::span<const Tensor> inputs) {
  return inputs.empty() ? current_device() : inputs[0].device();
}

class EagerBuilder : public Builder {
 public:
  std::vector<Tensor> emit(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                           std::span<const TensorSpec> outputs, Location where) override {
    const Device device = device_of(inputs);
    const DeviceScope scope(device, where);
    const Backend backend = backend_of(device);
    std::vector<Tensor> results = op.eval({backend, attrs, inputs, outputs, where});
    if (backend == Backend::cuda) check_device_errors(op.name, where);
    if (check_nan) {
      for (std::size_t i = 0; i < results.size(); ++i) {
        fail_on_nan(op, results[i], static_cast<int>(i), where);
      }
    }
    return results;
  }
};

// Rules of shapes need not know of devices: results are where the inputs are.
std::vector<TensorSpec> infer(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                              Location where) {
  std::vector<TensorSpec> specs;
  specs.reserve(inputs.size());
  for (const Tensor& t : inputs) specs.push_back(t.spec());
  std::vector<TensorSpec> outputs = op.infer(attrs, specs, where);
  for (TensorSpec& s : outputs) s.device = device_of(inputs);
  return outputs;
}

void check_inputs(const OpDef& op, std::span<const Tensor> inputs, Location where) {
  const auto n = static_cast<int>(inputs.size());
  if (n < op.min_inputs || (op.max_inputs >= 0 && n > op.max_inputs)) {
    throw Error(fmt::format("{}: {} inputs given, expected {}{}", op.name, n, op.min_inputs,
                            op.max_inputs == op.min_inputs ? "" : " or more"),
                where);
  }
  for (int i = 0; i < n; ++i) {
    const Tensor& t = inputs[static_cast<std::size_t>(i)];
    if (!t.defined()) {
      throw Error(fmt::format("{}: input {} is undefined", op.name, i), where);
    }
    if (t.device() != inputs[0].device()) {
      throw Error(fmt::format("{}: input {} is on {}, input 0 on {}", op.name, i,
                              t.device().str(), inputs[0].device().str()),
                  where);
    }
  }
}

}  // namespace

void set_nan_checks(bool on) { check_nan = on; }
bool nan_checks() { return check_nan; }

Builder& eager_builder() {
  static EagerBuilder builder;
  return builder;
}

std::vector<Tensor> evaluate(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                             Backend backend, Location where) {
  check_inputs(op, inputs, where);
  const std::vector<TensorSpec> outputs = infer(op, attrs, inputs, where);
  const DeviceScope scope(device_of(inputs), where);
  if (!op.eval) return op.expand(attrs, inputs);
  return op.eval({backend, attrs, inputs, outputs, where});
}

std::vector<Tensor> apply(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
                          Location where) {
  check_inputs(op, inputs, where);
  const std::vector<TensorSpec> outputs = infer(op, attrs, inputs, where);
  const DeviceScope scope(device_of(inputs), where);
  // A composite without kernels or rule of its own is its definition.
  if (!op.eval && !op.vjp) return op.expand(attrs, inputs);

  std::shared_ptr<Graph> graph;
  bool tracked = false;
  std::vector<Tensor> plain;
  plain.reserve(inputs.size());
  for (const Tensor& t : inputs) {
    plain.push_back(t.detach());
    if (t.is_tracked()) tracked = true;
    if (t.impl().graph) graph = t.impl().graph;
  }
  std::vector<Tensor> results;
  if (!op.eval) {
    results = op.expand(attrs, plain);
  } else {
    Builder& builder = graph ? static_cast<Builder&>(*graph) : eager_builder();
    results = builder.emit(op, attrs, plain, outputs, where);
  }
  if (!tracked || !op.differentiable()) return results;
  return record(op, attrs, inputs, results, nullptr, where);
}

Tensor apply1(const OpDef& op, const Attrs& attrs, std::span<const Tensor> inputs,
              Location where) {
  return std::move(apply(op, attrs, inputs, where).front());
}

Tensor apply1(const OpDef& op, const Attrs& attrs, std::initializer_list<Tensor> inputs,
              Location where) {
  return apply1(op, attrs, std::span<const Tensor>(inputs.begin(), inputs.size()), where);
}

}  // namespace ingrad
