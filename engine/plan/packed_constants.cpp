// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/packed_constants.h"

#include <cstring>

#include "engine/kernel_recorder.h"
#include "engine/storage.h"

namespace ingrad {
namespace {

thread_local PackedConstants* active = nullptr;

// Products read all weights once per tile, more than the table of small pages covers: a quarter of
// their time. Blocks from the first size on get huge pages; plans with less than that many bytes do
// without.
constexpr std::int64_t kBlock = std::int64_t{2} << 20, kLargeBlock = std::int64_t{8} << 20;
constexpr std::int64_t kCacheLine = 64;

bool same_bytes(const Tensor& a, const Tensor& b) {
  if (a.raw() == b.raw()) return true;
  // What is on a device is not looked at for this.
  return a.device().kind == Device::Kind::cpu && b.device().kind == Device::Kind::cpu &&
         std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.spec().bytes())) == 0;
}

}  // namespace

PackedConstants::PackedConstants() : before_(active) { active = this; }
PackedConstants::~PackedConstants() { active = before_; }

PackedConstants& PackedConstants::current() {
  if (active == nullptr) throw Error("plan: packed constants exist only while a plan is built");
  return *active;
}

std::shared_ptr<void> PackedConstants::allocate(std::int64_t bytes) {
  bytes = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  if (!block_ || used_ + bytes > block_->bytes()) {
    const std::int64_t block = total_ < kBlock / 2        ? bytes
                               : total_ < kLargeBlock / 2 ? kBlock
                                                          : kLargeBlock;
    block_ = Storage::allocate(std::max(bytes, block));
    used_ = 0;
  }
  const std::shared_ptr<void> place(block_, static_cast<std::byte*>(block_->data()) + used_);
  used_ += bytes;
  total_ += bytes;
  return place;
}

std::shared_ptr<void> PackedConstants::get(const void* source, const Key& key, std::int64_t bytes,
                                           const std::function<void(void*)>& fill) {
  std::shared_ptr<void>& packed = packed_[{source, key}];
  if (!packed) {
    const RecordingScope constant(nullptr);
    packed = allocate(bytes);
    fill(packed.get());
  }
  return packed;
}

Tensor PackedConstants::derived(const std::vector<Tensor>& sources, double number,
                                const std::function<Tensor()>& make) {
  std::vector<const void*> key;
  for (const Tensor& t : sources) key.push_back(t.defined() ? &t.impl() : nullptr);
  Derived& d = derived_[{key, number}];
  if (!d.result.defined()) d = {sources, make()};
  return d.result;
}

void PackedConstants::intern(Program& program) {
  for (Tensor& t : program.constants) {
    if (!t.defined() || !t.is_contiguous()) continue;
    std::vector<Tensor>& alike = known_[t.spec().str()];
    bool found = false;
    for (const Tensor& k : alike) {
      if (!same_bytes(k, t)) continue;
      t = k;
      found = true;
      break;
    }
    if (!found) alike.push_back(t);
  }
}

}  // namespace ingrad
