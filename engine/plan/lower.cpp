// SPDX-License-Identifier: Apache-2.0
// Lowering: the ops of a program are evaluated on symbolic memory, their kernels are noted down,
// and every symbolic address in an argument struct becomes a patch.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "engine/builder.h"
#include "engine/dense.h"
#include "engine/device.h"
#include "engine/kernel_recorder.h"
#include "engine/plan/code.h"
#include "engine/plan/prepack.h"
#include "engine/plan/symbolic_addresses.h"

namespace ingrad {
namespace {

// Between symbolic blocks, so that a pointer to the end of one does not look like the next.
constexpr std::uintptr_t kGap = 4096;

class Lowering final : public KernelRecorder {
 public:
  explicit Lowering(Device device) : device_(device) {}

  std::shared_ptr<Storage> allocate(std::int64_t bytes, Device device) override {
    const std::uintptr_t size =
        (static_cast<std::uintptr_t>(bytes) + kBufferAlign - 1) / kBufferAlign * kBufferAlign;
    const std::uintptr_t address = next_;
    if (size > kLastSymbolic - kGap - address) {
      throw Error(fmt::format("plan: the program needs more than {} bytes in all",
                              kLastSymbolic - kFirstSymbolic));
    }
    next_ += size + kGap;
    begin_.push_back(address);
    code_.buffers.push_back({.bytes = bytes});
    return Storage::symbolic(reinterpret_cast<void*>(address), bytes, device, nullptr);
  }

  void hold(std::shared_ptr<const void> memory) override { code_.kept.push_back(std::move(memory)); }

  void record(const KernelCall& call) override {
    constexpr std::size_t kAlign = 16;
    const std::size_t at = (code_.args.size() + kAlign - 1) / kAlign * kAlign;
    code_.args.resize(at + call.args_bytes);
    std::memcpy(code_.args.data() + at, call.args, call.args_bytes);
    const bool host = device_.kind == Device::Kind::cpu;  // device kernels see to theirs
    const std::int64_t scratch =
        host ? prepack(call, code_.args.data() + at, code_.kept) : 0;
    const auto number = static_cast<int>(code_.instructions.size());
    for (const std::size_t o : call.operands) {
      std::uintptr_t word;
      std::memcpy(&word, code_.args.data() + at + o, sizeof word);
      if (!is_symbolic(word)) continue;  // a constant
      const int buffer = buffer_at(word);
      code_.patches.push_back(
          {at + o, buffer,
           static_cast<std::int64_t>(word - begin_[static_cast<std::size_t>(buffer)])});
      Buffer& b = code_.buffers[static_cast<std::size_t>(buffer)];
      if (b.first < 0) b.first = number;
      b.last = number;
    }
    code_.instructions.push_back(
        {call.invoke, call.fn, at, call.units, call.cost, scratch, current_call, call.family});
    code_.scratch_bytes = std::max(code_.scratch_bytes, scratch);
  }

  const void* keep(const void* table, std::size_t bytes) override {
    auto copy = std::make_shared<std::vector<std::byte>>(bytes);
    std::memcpy(copy->data(), table, bytes);
    code_.kept.emplace_back(copy, copy->data());
    return copy->data();
  }

  int buffer_of(const Tensor& t) const {
    return buffer_at(reinterpret_cast<std::uintptr_t>(t.impl().storage->data()));
  }

  Code& code() { return code_; }
  int current_call = 0;

 private:
  int buffer_at(std::uintptr_t address) const {
    return static_cast<int>(std::upper_bound(begin_.begin(), begin_.end(), address) -
                            begin_.begin()) -
           1;
  }

  Device device_;
  Code code_;
  std::uintptr_t next_ = kFirstSymbolic;
  std::vector<std::uintptr_t> begin_;  // of each buffer
};

bool is_symbolic(const Tensor& t) { return t.impl().storage->is_symbolic(); }

}  // namespace

Code lower(const Program& program, Location where) {
  const Device device =
      program.inputs.empty() ? current_device() : program.spec(program.inputs[0]).device;
  const Backend backend = backend_of(device);
  const DeviceScope there(device, where);
  Lowering lowering(device);
  Code& code = lowering.code();
  const RecordingScope scope(&lowering);
  std::vector<Tensor> values = program.constants;
  for (const Tensor& t : program.constants) {
    if (t.defined()) code.kept.push_back(t.impl().storage);
  }
  const auto at = [&](int v) -> Tensor& { return values[static_cast<std::size_t>(v)]; };
  for (std::size_t i = 0; i < program.inputs.size(); ++i) {
    const TensorSpec& spec = program.spec(program.inputs[i]);
    at(program.inputs[i]) = Tensor::empty(spec.shape, spec.dtype, where);
    code.buffers.back().kind = Buffer::Kind::input;
    code.buffers.back().index = static_cast<int>(i);
  }
  for (const ProgramCall& call : program.calls) {
    std::vector<Tensor> inputs;
    for (const int v : call.inputs) inputs.push_back(at(v));
    const std::vector<Tensor> results =
        evaluate(*call.op, call.attrs, inputs, backend, call.where);
    for (std::size_t i = 0; i < results.size(); ++i) {
      at(call.outputs[i]) = results[i];
      // Constants that an op makes itself, such as its own tables.
      if (!is_symbolic(results[i])) code.kept.push_back(results[i].impl().storage);
    }
    ++lowering.current_call;
  }
  // An output that is a whole buffer of its own is computed where the caller wants it; a view, an
  // input, a constant or a second mention is copied there.
  std::unordered_set<int> taken;
  for (std::size_t i = 0; i < program.outputs.size(); ++i) {
    const Tensor& t = at(program.outputs[i]);
    int buffer = is_symbolic(t) ? lowering.buffer_of(t) : -1;
    const bool whole = buffer >= 0 && t.is_contiguous() && t.offset() == 0 &&
                       t.spec().bytes() == code.buffers[static_cast<std::size_t>(buffer)].bytes &&
                       code.buffers[static_cast<std::size_t>(buffer)].kind == Buffer::Kind::arena &&
                       taken.insert(buffer).second;
    if (!whole) {
      const Tensor copy = Tensor::empty(t.shape(), t.dtype(), where);
      buffer = lowering.buffer_of(copy);
      copy_elements(t, copy, backend, where);
    }
    code.buffers[static_cast<std::size_t>(buffer)].kind = Buffer::Kind::output;
    code.buffers[static_cast<std::size_t>(buffer)].index = static_cast<int>(i);
  }
  return std::move(code);
}

}  // namespace ingrad
