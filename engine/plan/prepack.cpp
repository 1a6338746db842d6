// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/prepack.h"

#include <cstring>

#include "engine/plan/packed_constants.h"
#include "engine/plan/symbolic_addresses.h"
#include "engine/storage.h"
#include "kernels/conv.h"
#include "kernels/gemm.h"

namespace ingrad {

namespace {

void prepack_conv(const KernelCall& call, std::byte* args,
                  std::vector<std::shared_ptr<const void>>& kept) {
  kernels::ConvArgs c;
  std::memcpy(&c, args, sizeof c);
  const std::int64_t bytes = is_symbolic(c.w) ? 0 : kernels::packed_conv_bytes(c, call.dtype);
  if (bytes == 0) return;
  // Phases of a data gradient read different taps of the same weights.
  PackedConstants::Key key = {c.groups,
                              c.out_channels,
                              c.in_channels,
                              c.w_group,
                              c.w_out,
                              c.w_in,
                              static_cast<std::int64_t>(call.dtype)};
  key.insert(key.end(), c.tap_weight, c.tap_weight + c.taps);
  const auto packed = PackedConstants::current().get(
      c.w, key, bytes, [&](void* to) { kernels::pack_conv(c, call.dtype, to); });
  c.packed = packed.get();
  kept.push_back(packed);
  std::memcpy(args, &c, sizeof c);
}

}  // namespace

std::int64_t prepack(const KernelCall& call, std::byte* args,
                     std::vector<std::shared_ptr<const void>>& kept) {
  if (call.family == &kernels::conv) prepack_conv(call, args, kept);
  if (call.family != &kernels::gemm) return call.scratch_bytes;
  kernels::GemmArgs g;
  std::memcpy(&g, args, sizeof g);
  if (g.batch != 1 || g.b_offset != nullptr || is_symbolic(g.b)) return call.scratch_bytes;
  const std::int64_t bytes = kernels::packed_bytes(g, call.dtype);
  if (bytes == 0) return call.scratch_bytes;
  const auto packed = PackedConstants::current().get(
      g.b, {g.n, g.k, g.b_row, g.b_col, static_cast<std::int64_t>(call.dtype)}, bytes,
      [&](void* to) { kernels::pack(g, call.dtype, to); });
  g.panels = packed.get();
  kept.push_back(packed);
  std::memcpy(args, &g, sizeof g);
  return kernels::gemm.scratch_bytes(g);
}

}  // namespace ingrad
