// SPDX-License-Identifier: Apache-2.0
// Offsets in the arena: larger buffers first, each in the lowest gap that is wide enough among the
// buffers placed before whose lifetimes it meets.
#include <algorithm>
#include <numeric>

#include "engine/plan/code.h"

namespace ingrad {
namespace {

std::int64_t padded(const Buffer& b) {
  return (b.bytes + kBufferAlign - 1) / kBufferAlign * kBufferAlign;
}

bool meet(const Buffer& a, const Buffer& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace

void assign_memory(Code& code) {
  std::vector<Buffer*> order;
  for (Buffer& b : code.buffers) {
    if (b.kind == Buffer::Kind::arena && b.first >= 0) order.push_back(&b);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Buffer* a, const Buffer* b) { return a->bytes > b->bytes; });
  std::vector<const Buffer*> placed;  // by offset
  code.arena_bytes = 0;
  for (Buffer* b : order) {
    const std::int64_t size = padded(*b);
    std::int64_t best = -1, best_gap = 0, end = 0;
    for (const Buffer* p : placed) {
      if (!meet(*b, *p)) continue;
      const std::int64_t gap = p->offset - end;
      if (gap >= size && (best < 0 || gap < best_gap)) {
        best = end;
        best_gap = gap;
      }
      end = std::max(end, p->offset + padded(*p));
    }
    b->offset = best >= 0 ? best : end;
    code.arena_bytes = std::max(code.arena_bytes, b->offset + size);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), b,
                         [](const Buffer* x, const Buffer* y) { return x->offset < y->offset; }),
        b);
  }
}

}  // namespace ingrad
