// SPDX-License-Identifier: Apache-2.0
// Convolutions of few channels, and the pooling between them, run with 16 images in the lanes of a
// vector when a tile has that many rows. Where the two ways meet, arrays are turned; the results
// are the same bits, so that smaller tiles may do without.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/plan/fused_ops.h"
#include "engine/plan/passes.h"
#include "engine/plan/rewriter.h"
#include "kernels/image_lanes.h"

namespace ingrad {
namespace {

// Beyond so many channels on either side, vectors of pixels are filled well enough and arrays cost
// more to turn than that saves.
constexpr std::int64_t kMostChannels = 16;

bool images_fill_lanes(const TensorSpec& s) {
  return s.dtype == DType::f32 && s.shape.rank() == 4 && s.shape[0] > 0 &&
         s.shape[0] % kernels::kImageLanes == 0;
}

bool is_conv(const ProgramCall& c) {
  const std::string& op = c.op->name;
  return op == "conv" || op == "conv+" || op == "conv_data_grad" || op == "conv_data_grad+";
}

class Choice {
 public:
  explicit Choice(const Program& p) : p_(p), uses_(p), chosen_(p.calls.size(), 0) {
    for (std::size_t i = 0; i < p.calls.size(); ++i) chosen_[i] = few_channels(p.calls[i]);
    // Pooling between such convolutions, and then its gradient, which reads its codes.
    for (std::size_t i = 0; i < p.calls.size(); ++i) {
      const ProgramCall& c = p.calls[i];
      if (c.op != &pair_pool_form() || !images_fill_lanes(p.spec(c.inputs[0]))) continue;
      const int before = uses_.producer(c.inputs[0]);
      if (before < 0 || !chosen_[static_cast<std::size_t>(before)]) continue;
      chosen_[i] = 1;
      for (std::size_t j = i + 1; j < p.calls.size(); ++j) {
        if (p.calls[j].op == &pair_pool_grad_form() && p.calls[j].inputs[0] == c.outputs[1]) {
          chosen_[j] = 1;
        }
      }
    }
  }

  bool operator[](std::size_t call) const { return chosen_[call] != 0; }

 private:
  bool few_channels(const ProgramCall& c) const {
    if (!is_conv(c) || !images_fill_lanes(p_.spec(c.inputs[0]))) return false;
    const Shape &x = p_.spec(c.inputs[0]).shape, &y = p_.spec(c.outputs[0]).shape;
    return x[1] <= kMostChannels && y[1] <= kMostChannels && finite(c.inputs[1]);
  }

  // Of a constant. Others could hold anything, and the kernels leave out products with padding.
  bool finite(int value) const {
    if (!p_.is_constant(value)) return false;
    const std::vector<double> values = p_.constant(value).to_vector<double>();
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  }

  const Program& p_;
  ValueUses uses_;
  std::vector<char> chosen_;
};

class Turning {
 public:
  explicit Turning(const Program& p) : p_(p), uses_(p), rewriter_(p) {}

  // Copies a call that takes values as they were.
  void keep(const ProgramCall& call) {
    for (const int v : call.inputs) images_of(v, call.where);
    rewriter_.keep(call);
  }

  void keep_in_lanes(const ProgramCall& call) {
    const bool conv = is_conv(call);
    std::vector<int> inputs;
    const bool gated = conv && call.op->name.back() == '+' && epilogue_of(call.attrs).gate;
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
      const int v = call.inputs[i];
      const bool parameter = conv && (i == 1 || (i == 2 && has_bias(call)));
      const bool gate = gated && i + 1 == call.inputs.size();
      inputs.push_back(parameter ? rewriter_.now(v)
                       : gate    ? gate_in_lanes(v, call.where)
                                 : lanes_of(v, call.where));
    }
    Attrs attrs = call.attrs;
    const OpDef* op = &lanes_pair_pool_grad_form();
    if (conv) {
      const std::string& name = call.op->name;
      if (name.back() != '+') attrs = fused_attrs(attrs, {});
      attrs.set("mirrored", name.starts_with("conv_data_grad"));
      op = &lanes_conv_form();
    } else if (call.op == &pair_pool_form()) {
      op = &lanes_pair_pool_form();
    }
    const std::vector<int> out = rewriter_.emit(*op, attrs, std::move(inputs), call.where);
    for (std::size_t i = 0; i < out.size(); ++i) {
      lanes_[call.outputs[i]] = out[i];
      only_lanes_.insert(call.outputs[i]);
    }
  }

  Program finish() {
    for (const int v : p_.outputs) images_of(v, Location::current());
    return rewriter_.finish();
  }

 private:
  static bool has_bias(const ProgramCall& c) {
    return product_inputs(c.attrs, c.inputs.size()) > 2;
  }

  int lanes_of(int value, Location where) {
    const auto known = lanes_.find(value);
    if (known != lanes_.end()) return known->second;
    return lanes_[value] =
               rewriter_.emit(into_lanes_form(), {}, {rewriter_.now(value)}, where).front();
  }

  // The bits of a gate, in the order of the lanes.
  int gate_in_lanes(int value, Location where) {
    const ProgramCall& signs = p_.calls[static_cast<std::size_t>(uses_.producer(value))];
    return rewriter_.emit(sign_bits_form(), {}, {lanes_of(signs.inputs[0], where)}, where).front();
  }

  // Makes sure that a value that was computed in lanes exists as images too.
  void images_of(int value, Location where) {
    if (only_lanes_.erase(value) == 0) return;
    rewriter_.replace(value,
                      rewriter_.emit(out_of_lanes_form(), {}, {lanes_.at(value)}, where).front());
  }

  const Program& p_;
  ValueUses uses_;
  Rewriter rewriter_;
  std::map<int, int> lanes_;  // old value -> new value in lanes
  std::set<int> only_lanes_;  // old values that exist in lanes only
};

}  // namespace

void use_lanes(Program& program, const PassContext& context) {
  if (context.device.kind != Device::Kind::cpu) return;  // a layout for its vectors
  const Choice choice(program);
  Turning turning(program);
  for (std::size_t i = 0; i < program.calls.size(); ++i) {
    const ProgramCall& call = program.calls[i];
    choice[i] ? turning.keep_in_lanes(call) : turning.keep(call);
  }
  program = turning.finish();
  remove_dead_code(program, context);  // gates that exist in lanes now
}

}  // namespace ingrad
