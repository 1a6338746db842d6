// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/packed_constants.h"

#include <cstring>

#include "engine/kernel_recorder.h"

namespace ingrad {
namespace {

thread_local PackedConstants* active = nullptr;

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

std::shared_ptr<Storage> PackedConstants::get(const void* source, const Key& key,
                                              std::int64_t bytes,
                                              const std::function<void(void*)>& fill) {
  std::shared_ptr<Storage>& packed = packed_[{source, key}];
  if (!packed) {
    const RecordingScope constant(nullptr);
    packed = Storage::allocate(bytes);
    fill(packed->data());
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
