// SPDX-License-Identifier: Apache-2.0
// Replaying a plan. With rows, each thread runs the whole program on tiles of its share of them, in
// memory of its own; when there are fewer rows than that is worth, and for programs without rows,
// all threads share each kernel.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/dense.h"
#include "engine/device.h"
#include "engine/fork_join.h"
#include "engine/ops/elementwise.h"
#include "engine/parallel.h"
#include "engine/plan/device_replays.h"
#include "engine/plan/plan.h"

namespace ingrad {
namespace {

struct External {
  std::size_t at;  // in the argument structs
  int index;       // of the input or output
  bool output;
  std::int64_t addend;
};

}  // namespace

class Workspace::Slot {
 public:
  Slot(const Plan& plan, bool poison) : poison_(poison) {
    std::int64_t arena = 0, scratch = 0;
    for (const Code& code : plan.tiles()) {
      arena = std::max(arena, code.arena_bytes);
      scratch = std::max(scratch, code.scratch_bytes);
    }
    device_ = plan.device();
    memory_ = Storage::allocate(arena + scratch, device_);
    scratch_ = static_cast<std::byte*>(memory_->data()) + arena;
    if (poison_) fill_with_nan(static_cast<std::byte*>(memory_->data()), arena + scratch);
    for (const Code& code : plan.tiles()) programs_.push_back(bind(code));
  }

  std::int64_t bytes() const { return memory_->bytes(); }
  std::byte* scratch() const { return scratch_; }

  // Points the tile's operands at row `row` of the caller's arrays.
  void aim(std::size_t tile, std::span<const void* const> inputs, std::span<void* const> outputs,
           const Plan& plan, std::int64_t row) {
    Program& p = programs_[tile];
    for (const External& e : p.externals) {
      const auto i = static_cast<std::size_t>(e.index);
      const TensorSpec& spec = e.output ? plan.outputs()[i] : plan.inputs()[i];
      const auto base = reinterpret_cast<std::uintptr_t>(e.output ? outputs[i] : inputs[i]);
      const std::int64_t step = row == 0 ? 0 : spec.bytes() / plan.max_rows();
      const std::uintptr_t address = base + static_cast<std::uintptr_t>(row * step + e.addend);
      std::memcpy(p.args.data() + e.at, &address, sizeof address);
    }
  }

  // Runs all kernels of a tile on the calling thread.
  void replay(std::size_t tile) {
    const Program& p = programs_[tile];
    const Code& code = *p.code;
    for (std::size_t i = 0; i < code.instructions.size(); ++i) {
      const Instruction& in = code.instructions[i];
      in.invoke(in.fn, p.args.data() + in.args, {0, in.units, scratch_});
      if (poison_) poison_after(p, static_cast<int>(i));
    }
  }

  // Runs all kernels of a tile, each on as many threads as it is worth; scratch: one per thread.
  void replay_shared(std::size_t tile, std::span<std::byte* const> scratch) {
    const Program& p = programs_[tile];
    struct Call {
      const Instruction* in;
      const std::byte* args;
      std::byte* const* scratch;
      int parts;
    };
    for (std::size_t i = 0; i < p.code->instructions.size(); ++i) {
      const Instruction& in = p.code->instructions[i];
      const int parts = std::min(threads_for(in.units, in.cost), static_cast<int>(scratch.size()));
      const Call call{&in, p.args.data() + in.args, scratch.data(), parts};
      fork_join(
          parts,
          [](const void* context, int t) {
            const Call& c = *static_cast<const Call*>(context);
            c.in->invoke(
                c.in->fn, c.args,
                {c.in->units * t / c.parts, c.in->units * (t + 1) / c.parts, c.scratch[t]});
          },
          &call);
      if (poison_) poison_after(p, static_cast<int>(i));
    }
  }

 private:
  struct Program {
    const Code* code;
    std::vector<std::byte> args;
    std::vector<External> externals;
  };

  Program bind(const Code& code) {
    Program p{&code, code.args, {}};
    for (const Patch& patch : code.patches) {
      const Buffer& b = code.buffers[static_cast<std::size_t>(patch.buffer)];
      if (b.kind != Buffer::Kind::arena) {
        p.externals.push_back({patch.at, b.index, b.kind == Buffer::Kind::output, patch.addend});
        continue;
      }
      const auto address = reinterpret_cast<std::uintptr_t>(memory_->data()) +
                           static_cast<std::uintptr_t>(b.offset + patch.addend);
      std::memcpy(p.args.data() + patch.at, &address, sizeof address);
    }
    return p;
  }

  void poison_after(const Program& p, int instruction) {
    for (const Buffer& b : p.code->buffers) {
      if (b.kind != Buffer::Kind::arena || b.last != instruction) continue;
      fill_with_nan(static_cast<std::byte*>(memory_->data()) + b.offset, b.bytes);
    }
  }

  void fill_with_nan(std::byte* to, std::int64_t bytes) const {
    if (device_.kind == Device::Kind::cpu) {
      std::memset(to, 0xff, static_cast<std::size_t>(bytes));
    } else {
      library_of(device_, Location::current()).fill(to, 0xff, bytes);
    }
  }

  bool poison_;
  Device device_;
  std::shared_ptr<Storage> memory_;
  std::byte* scratch_;
  std::vector<Program> programs_;  // per tile size
};

Workspace::Workspace(std::shared_ptr<const Plan> plan, int threads) : plan_(std::move(plan)) {
  if (plan_->device().kind != Device::Kind::cpu) {
    slots_.push_back(std::make_unique<Slot>(*plan_, plan_->options().poison));
    more_scratch_ = Storage::allocate(0);
    replays_ = std::make_unique<DeviceReplays>(plan_->device());
    return;
  }
  const std::int64_t n = std::clamp(threads > 0 ? threads : ingrad::threads(), 1, kMostParts);
  const std::int64_t shares =
      std::clamp<std::int64_t>(plan_->max_rows() / plan_->least_share(), 1, n);
  for (std::int64_t t = 0; t < shares; ++t) {
    slots_.push_back(std::make_unique<Slot>(*plan_, plan_->options().poison));
    scratch_.push_back(slots_.back()->scratch());
  }
  // Threads without a share of rows help with kernels.
  std::int64_t scratch = 0;
  for (const Code& code : plan_->tiles()) scratch = std::max(scratch, code.scratch_bytes);
  scratch = (scratch + kBufferAlign - 1) / kBufferAlign * kBufferAlign;
  more_scratch_ = Storage::allocate((n - shares) * scratch);
  for (std::int64_t t = 0; t < n - shares; ++t) {
    scratch_.push_back(static_cast<std::byte*>(more_scratch_->data()) + t * scratch);
  }
}

Workspace::~Workspace() = default;

std::int64_t Workspace::memory_bytes() const {
  std::int64_t bytes = more_scratch_->bytes();
  for (const auto& slot : slots_) bytes += slot->bytes();
  return bytes;
}

void Workspace::run_rows(Slot& slot, std::int64_t begin, std::int64_t end, bool shared) const {
  while (begin < end) {
    const auto left = static_cast<std::uint64_t>(std::min(end - begin, plan_->tile_rows()));
    const auto tile = static_cast<std::size_t>(std::bit_width(left) - 1);
    slot.aim(tile, given_, wanted_, *plan_, begin);
    if (shared) {
      slot.replay_shared(tile, scratch_);
    } else {
      slot.replay(tile);
    }
    begin += std::int64_t{1} << tile;
  }
}

namespace {

struct Extent {
  const std::byte* begin;
  const std::byte* end;
};

void refuse_overlap(const Plan& plan, std::span<const void* const> inputs,
                    std::span<void* const> outputs, std::int64_t rows, Location where) {
  const auto extent = [&](const void* p, const TensorSpec& spec) {
    const auto* begin = static_cast<const std::byte*>(p);
    return Extent{begin, begin + spec.bytes() / plan.max_rows() * rows};
  };
  const auto check = [&](std::size_t o, Extent a, Extent b, const char* what, std::size_t i) {
    if (a.begin == a.end || b.begin == b.end || a.end <= b.begin || b.end <= a.begin) return;
    throw Error(fmt::format("run: output {} overlaps {} {}", o, what, i), where);
  };
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    const Extent out = extent(outputs[o], plan.outputs()[o]);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      check(o, out, extent(inputs[i], plan.inputs()[i]), "input", i);
    }
    for (std::size_t i = 0; i < o; ++i) {
      check(o, out, extent(outputs[i], plan.outputs()[i]), "output", i);
    }
  }
}

}  // namespace

void Workspace::run(std::span<const void* const> inputs, std::span<void* const> outputs,
                    std::int64_t rows, Location where) {
  const Plan& plan = *plan_;
  if (inputs.size() != plan.inputs().size() || outputs.size() != plan.outputs().size()) {
    throw Error(
        fmt::format("run: {} inputs and {} outputs given, the plan has {} and {}", inputs.size(),
                    outputs.size(), plan.inputs().size(), plan.outputs().size()),
        where);
  }
  if (rows < 0 || rows > plan.max_rows() || (!plan.options().rows && rows != 1)) {
    throw Error(fmt::format("run: {} rows, the plan was compiled for {}{}", rows,
                            plan.options().rows ? "at most " : "", plan.max_rows()),
                where);
  }
  refuse_overlap(plan, inputs, outputs, rows, where);
  given_ = inputs;
  wanted_ = outputs;
  if (replays_) return run_on_device(rows, where);
  const auto n = static_cast<std::int64_t>(slots_.size());
  const std::int64_t shares = in_parallel_region() ? 1 : std::min(n, rows / plan.least_share());
  if (shares <= 1) return run_rows(*slots_.front(), 0, rows, true);
  struct Call {
    const Workspace* self;
    std::int64_t rows, shares;
  };
  const Call call{this, rows, shares};
  fork_join(
      static_cast<int>(shares),
      [](const void* context, int t) {
        const Call& c = *static_cast<const Call*>(context);
        c.self->run_rows(*c.self->slots_[static_cast<std::size_t>(t)], c.rows * t / c.shares,
                         c.rows * (t + 1) / c.shares, false);
      },
      &call);
}

void Workspace::run_on_device(std::int64_t rows, Location where) {
  struct Call {
    const Workspace* self;
    std::int64_t rows;
  };
  const Call call{this, rows};
  replays_->run(
      given_, wanted_, rows,
      [](const void* context) {
        const Call& c = *static_cast<const Call*>(context);
        c.self->run_rows(*c.self->slots_.front(), 0, c.rows, false);
      },
      &call, where);
}

std::vector<Tensor> Workspace::run(std::span<const Tensor> inputs, Location where) {
  const Plan& plan = *plan_;
  if (inputs.size() != plan.inputs().size()) {
    throw Error(
        fmt::format("run: {} inputs given, the plan has {}", inputs.size(), plan.inputs().size()),
        where);
  }
  const bool has_rows = plan.options().rows && !inputs.empty() && inputs[0].rank() > 0;
  const std::int64_t rows = has_rows ? inputs[0].dim(0) : 1;
  std::vector<Tensor> dense;
  std::vector<const void*> given;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const TensorSpec& spec = plan.inputs()[i];
    const Shape wanted = plan.options().rows ? spec.shape.with(0, rows) : spec.shape;
    if (inputs[i].device() != plan.device()) {
      throw Error(fmt::format("run: input {} is on {}, the plan runs on {}", i,
                              inputs[i].device().str(), plan.device().str()),
                  where);
    }
    if (inputs[i].shape() != wanted || inputs[i].dtype() != spec.dtype) {
      throw Error(
          fmt::format("run: input {} is {}, the plan takes {}{}", i, inputs[i].spec().str(),
                      spec.str(), plan.options().rows ? " with as many rows as input 0" : ""),
          where);
    }
    dense.push_back(contiguous(inputs[i].detach(), where));
    given.push_back(dense.back().values(where));
  }
  const DeviceScope there(plan.device(), where);
  std::vector<Tensor> results;
  std::vector<void*> wanted;
  for (const TensorSpec& spec : plan.outputs()) {
    const Shape shape = plan.options().rows ? spec.shape.with(0, rows) : spec.shape;
    results.push_back(Tensor::empty(shape, spec.dtype, where));
    wanted.push_back(results.back().mutable_raw());
  }
  run(given, wanted, rows, where);
  return results;
}

}  // namespace ingrad
