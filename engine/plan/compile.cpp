// SPDX-License-Identifier: Apache-2.0
// From a function to a plan: trace it for every tile size, prove that rows are apart, run the
// passes, lower.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "engine/device.h"
#include "engine/plan/cost.h"
#include "engine/plan/fused_ops.h"
#include "engine/plan/packed_constants.h"
#include "engine/plan/passes.h"
#include "engine/plan/plan.h"
#include "engine/plan/separability.h"
#include "kernels/image_lanes.h"

namespace ingrad {
namespace {

// Working memory of a thread that still stays in the second-level cache.
constexpr std::int64_t kTileBytes = std::int64_t{3} << 19;
// Rows of the products of a tile that are enough to use what they read of their constants.
constexpr std::int64_t kLeastProduct = 16;
// With less rows than this, or than the lanes for images, products are too narrow to be worth a
// thread.
constexpr std::int64_t kLeastShare = 8;

std::vector<TensorSpec> with_rows(std::span<const TensorSpec> specs, std::int64_t rows) {
  std::vector<TensorSpec> out(specs.begin(), specs.end());
  for (TensorSpec& s : out) s.shape = s.shape.with(0, rows);
  return out;
}

Program traced(const GraphFn& f, std::span<const TensorSpec> specs, Location where) {
  return trace(f, specs, where)->program();
}

void optimise(Program& program, const PassContext& context,
              const std::vector<std::string>& without) {
  for (const NamedPass& pass : passes()) {
    if (std::find(without.begin(), without.end(), pass.name) == without.end()) {
      pass.run(program, context);
    }
  }
}

Code lowered(const Program& program, Location where) {
  Code code = lower(program, where);
  assign_memory(code);
  return code;
}

std::int64_t working_bytes(const Code& code) { return code.arena_bytes + code.scratch_bytes; }

bool puts_images_in_lanes(const Program& p) {
  return std::any_of(p.calls.begin(), p.calls.end(),
                     [](const ProgramCall& c) { return c.op == &lanes_conv_form(); });
}

// Rows that a tile has even if its working memory gets too large: with less, products are too
// narrow, or more time goes into reading constants than into writing and reading activations.
std::int64_t least_tile(const Program& one_row, std::int64_t working_bytes) {
  const std::int64_t narrow = kLeastProduct / product_rows(one_row);
  const std::int64_t constants =
      std::min(kLeastProduct, product_constant_bytes(one_row) / (2 * working_bytes));
  return std::max<std::int64_t>({1, narrow, constants});
}

std::int64_t common_rows(std::span<const TensorSpec> specs, Location where) {
  if (specs.empty()) throw Error("compile: no inputs, and so no rows", where);
  for (const TensorSpec& s : specs) {
    if (s.shape.rank() == 0 || s.shape[0] != specs[0].shape[0] || s.shape[0] < 1) {
      throw Error(fmt::format("compile: input {} beside {}; expected the same number of rows, at "
                              "least one, along axis 0 of every input",
                              s.str(), specs[0].str()),
                  where);
    }
  }
  return specs[0].shape[0];
}

// Programs run where their inputs are.
Device common_device(std::span<const TensorSpec> specs, Location where) {
  for (const TensorSpec& s : specs) {
    if (s.device == specs[0].device) continue;
    throw Error(fmt::format("compile: an input on {} beside one on {}", s.device.str(),
                            specs[0].device.str()),
                where);
  }
  return specs.empty() ? current_device() : specs[0].device;
}

void check_options(const PlanOptions& options, Location where) {
  for (const std::string& name : options.without) {
    const auto names = pass_names();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      throw Error(fmt::format("compile: there is no pass '{}'", name), where);
    }
  }
  const std::int64_t t = options.tile_rows;
  if (t < 0 || (t > 0 && !std::has_single_bit(static_cast<std::uint64_t>(t)))) {
    throw Error(fmt::format("compile: tile_rows is {}; expected a power of two, or 0", t), where);
  }
}

}  // namespace

std::span<const NamedPass> passes() {
  static constexpr NamedPass kPasses[] = {
      {"drop_taps", drop_taps},
      {"prune", prune},
      {"freeze", freeze},
      {"fold_batch_norm", fold_batch_norm},
      {"gather_one_hot", gather_one_hot},
      {"dead_code", remove_dead_code},
      {"fuse_mlp", fuse_mlp},
      {"pair_pools", use_pair_pools},
      {"fuse_epilogues", fuse_epilogues},
      {"winograd", use_winograd},
      {"lanes", use_lanes},
  };
  return kPasses;
}

std::vector<std::string_view> pass_names() {
  std::vector<std::string_view> names;
  for (const NamedPass& p : passes()) names.push_back(p.name);
  return names;
}

std::shared_ptr<const Plan> compile(const GraphFn& f, std::span<const TensorSpec> specs,
                                    const PlanOptions& options, Location where) {
  check_options(options, where);
  const Device device = common_device(specs, where);
  const DeviceScope scope(device, where);
  PackedConstants constants;
  const auto plan = std::make_shared<Plan>();
  plan->options_ = options;
  plan->device_ = device;
  plan->inputs_.assign(specs.begin(), specs.end());
  if (!options.rows) {
    plan->traced_ = traced(f, specs, where);
    plan->program_ = plan->traced_;
    optimise(plan->program_, {.device = device}, options.without);
    plan->tiles_.push_back(lowered(plan->program_, where));
  } else {
    plan->max_rows_ = common_rows(specs, where);
    Program two = traced(f, with_rows(specs, 2), where);
    Program three = traced(f, with_rows(specs, 3), where);
    remove_dead_code(two, {});
    remove_dead_code(three, {});
    require_separable(two, three, where);
    std::int64_t least = 1;
    for (std::int64_t rows = 1;; rows *= 2) {
      Program before = traced(f, with_rows(specs, rows), where), program = before;
      optimise(program, {rows, plan->max_rows_, device}, options.without);
      constants.intern(program);
      Code code = lowered(program, where);
      const std::int64_t bytes = working_bytes(code);
      const bool first = rows == 1;
      if (options.memory_bytes > 0 && bytes > options.memory_bytes) {
        if (!first) break;
        throw MemoryCapError(
            fmt::format("compile: one row needs {} bytes of working memory, at most {} are "
                        "allowed",
                        bytes, options.memory_bytes),
            where);
      }
      const bool cached = device.kind == Device::Kind::cpu;  // tiles are for caches
      if (first) least = least_tile(program, std::max<std::int64_t>(1, bytes));
      if (cached && !first && options.tile_rows == 0 && rows > least && bytes > kTileBytes) {
        break;
      }
      plan->least_share_ = puts_images_in_lanes(program) ? kernels::kImageLanes : kLeastShare;
      plan->traced_ = std::move(before);
      plan->program_ = std::move(program);
      plan->tiles_.push_back(std::move(code));
      if (rows == options.tile_rows || 2 * rows > plan->max_rows_) break;
    }
  }
  for (const int v : plan->program_.outputs) {
    TensorSpec spec = plan->program_.spec(v);
    if (options.rows) spec.shape = spec.shape.with(0, plan->max_rows_);
    plan->outputs_.push_back(spec);
  }
  for (const Code& code : plan->tiles_) {
    plan->memory_bytes_ = std::max(plan->memory_bytes_, working_bytes(code));
  }
  Program needed = plan->traced_;
  remove_dead_code(needed, {});
  plan->traced_flops_ = product_flops(needed) / static_cast<double>(plan->tile_rows());
  plan->flops_ = product_flops(plan->program_) / static_cast<double>(plan->tile_rows());
  return plan;
}

std::string Plan::kernels() const {
  std::string out;
  for (const Instruction& in : tiles_.back().instructions) {
    const auto call = static_cast<std::size_t>(in.call);
    out += fmt::format(
        "{:<16} for {}, {} units\n", in.family != nullptr ? in.family->name() : "step",
        call < program_.calls.size() ? program_.calls[call].op->name : "output", in.units);
  }
  return out;
}

}  // namespace ingrad
