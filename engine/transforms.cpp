// SPDX-License-Identifier: Apache-2.0
// Transformations of functions, on top of reverse and forward mode.
#include <fmt/format.h>

#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/tape.h"

namespace ingrad {
namespace {

std::vector<Tensor> track_all(std::span<const Tensor> inputs, const TrackOptions& options) {
  std::vector<Tensor> leaves;
  for (const Tensor& t : inputs) leaves.push_back(t.track(options));
  return leaves;
}

void detach_unless(bool keep, std::vector<Tensor>& tensors) {
  if (keep) return;
  for (Tensor& t : tensors) {
    if (t.defined()) t = t.detach();
  }
}

bool any_tracked(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (t.is_tracked()) return true;
  }
  return false;
}

// Whether results must stay connected: something outside of this call is being differentiated.
GradOptions resolve(GradOptions options, std::span<const Tensor> outputs,
                    std::span<const Tensor> leaves, std::span<const Tensor> directions) {
  options.create_graph = options.create_graph || reaches_beyond(outputs, leaves) ||
                         any_tracked(directions);
  return options;
}

}  // namespace

ValueAndGrads value_and_grad(const ScalarFn& f, std::span<const Tensor> inputs,
                             const GradOptions& options, Location where) {
  const std::vector<Tensor> leaves = track_all(inputs, {.save_all = options.rules != nullptr});
  Tensor value = f(leaves);
  if (value.size() != 1) {
    throw Error(fmt::format("grad: the function returned shape {}, expected one element",
                            value.shape().str()),
                where);
  }
  const DeviceScope scope(value.device(), where);
  const Tensor one = Tensor::full(value.shape(), 1, value.dtype());
  const GradOptions resolved = resolve(options, {&value, 1}, leaves, {});
  std::vector<Tensor> grads = gradients({&value, 1}, {&one, 1}, leaves, resolved, where);
  if (!resolved.create_graph) value = value.detach();
  return {value, std::move(grads)};
}

std::vector<Tensor> grad(const ScalarFn& f, std::span<const Tensor> inputs,
                         const GradOptions& options, Location where) {
  return value_and_grad(f, inputs, options, where).grads;
}

Tensor grad(const Fn& f, const Tensor& x, const GradOptions& options, Location where) {
  const ScalarFn g = [&f](std::span<const Tensor> in) { return f(in[0]); };
  return grad(g, {&x, 1}, options, where).front();
}

ValueAndCotangents vjp(const MultiFn& f, std::span<const Tensor> inputs,
                       std::span<const Tensor> cotangents, const GradOptions& options,
                       Location where) {
  const std::vector<Tensor> leaves = track_all(inputs, {.save_all = options.rules != nullptr});
  std::vector<Tensor> values = f(leaves);
  const GradOptions resolved = resolve(options, values, leaves, cotangents);
  std::vector<Tensor> result = gradients(values, cotangents, leaves, resolved, where);
  detach_unless(resolved.create_graph, values);
  return {std::move(values), std::move(result)};
}

ValueAndTangents jvp(const MultiFn& f, std::span<const Tensor> inputs,
                     std::span<const Tensor> tangents, Location where) {
  const std::vector<Tensor> leaves = track_all(inputs, {.save_all = true});
  std::vector<Tensor> values = f(leaves);
  const bool record = reaches_beyond(values, leaves) || any_tracked(tangents);
  std::vector<Tensor> result = pushforward(values, leaves, tangents, record, where);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i].defined()) continue;
    const DeviceScope scope(values[i].device(), where);
    result[i] = Tensor::full(values[i].shape(), 0, values[i].dtype());
  }
  detach_unless(record, values);
  detach_unless(record, result);
  return {std::move(values), std::move(result)};
}

std::vector<Tensor> hvp(const ScalarFn& f, std::span<const Tensor> inputs,
                        std::span<const Tensor> tangents, Location where) {
  const MultiFn gradient_of = [&f, where](std::span<const Tensor> in) {
    return grad(f, in, {}, where);
  };
  return jvp(gradient_of, inputs, tangents, where).tangents;
}

Tensor jacobian(const Fn& f, const Tensor& x, Location where) {
  const Tensor leaf = x.track();
  const Tensor y = f(leaf);
  const DeviceScope scope(y.device(), where);
  const bool record = reaches_beyond({&y, 1}, {&leaf, 1});
  std::vector<std::int64_t> extents(y.shape().begin(), y.shape().end());
  extents.insert(extents.end(), x.shape().begin(), x.shape().end());
  const Shape shape(extents, where);
  const std::int64_t rows = y.size();
  if (rows == 0) return Tensor::full(shape, 0, x.dtype());
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < rows; ++i) {
    std::vector<double> one_hot(static_cast<std::size_t>(rows), 0.0);
    one_hot[static_cast<std::size_t>(i)] = 1;
    Tensor u = Tensor::from<double>(one_hot, y.shape());
    if (y.dtype() != DType::f64) u = apply1(find_op("cast"), {{"dtype", y.dtype()}}, {u});
    const Tensor row = gradients({&y, 1}, {&u, 1}, {&leaf, 1}, {.create_graph = record}, where)[0];
    const std::vector<std::int64_t> flat = {1, x.size()};
    parts.push_back(apply1(find_op("reshape"), {{"shape", flat}}, {row}));
  }
  const Tensor all = apply1(find_op("concat"), {{"axis", 0}}, parts);
  return apply1(find_op("reshape"), {{"shape", extents}}, {all});
}

std::vector<Tensor> custom(const MultiFn& forward, VjpRule rule, std::span<const Tensor> inputs,
                           Location where) {
  std::vector<Tensor> plain;
  for (const Tensor& t : inputs) plain.push_back(t.detach());
  std::vector<Tensor> outputs = forward(plain);
  for (Tensor& t : outputs) t = t.detach();
  if (!any_tracked(inputs)) return outputs;
  // Not in the table: such a node cannot be executed again, only differentiated.
  static const OpDef op{.name = "custom", .doc = "A computation with its own derivative rule."};
  return record(op, {}, inputs, outputs, std::move(rule), where);
}

std::vector<Tensor> checkpoint(const MultiFn& f, std::span<const Tensor> inputs, Location where) {
  const MultiFn forward = [&f, where](std::span<const Tensor> in) {
    std::vector<Tensor> outputs = f(in);
    if (any_tracked(outputs)) {
      throw Error("checkpoint: the function uses a tracked tensor that is not among its inputs, "
                  "which would get no gradient; give it as an input",
                  where);
    }
    return outputs;
  };
  // The rule outlives this call, so it owns a copy of f.
  return custom(
      forward,
      [f, where](const VjpArgs& a) {
        std::vector<Tensor> in(a.inputs.begin(), a.inputs.end());
        std::vector<Tensor> wrt;
        for (std::size_t i = 0; i < in.size(); ++i) {
          if (!a.needs(i)) continue;
          in[i] = in[i].track();
          wrt.push_back(in[i]);
        }
        const std::vector<Tensor> outputs = f(in);
        const GradOptions options = resolve({}, outputs, wrt, a.cotangents);
        const std::vector<Tensor> found = gradients(outputs, a.cotangents, wrt, options, where);
        std::vector<Tensor> result(in.size());
        std::size_t next = 0;
        for (std::size_t i = 0; i < in.size(); ++i) {
          if (a.needs(i)) result[i] = found[next++];
        }
        return result;
      },
      inputs, where);
}

}  // namespace ingrad
