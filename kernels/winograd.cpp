// SPDX-License-Identifier: Apache-2.0
#include "kernels/winograd.h"

#include "kernels/cpu/winograd.h"
#include "kernels/winograd_blocks.h"

namespace ingrad::kernels {
namespace {

std::int64_t units(const WinogradArgs& a) {
  const WinogradBlocks b(a);
  return b.tile_blocks * b.channel_blocks;
}
std::int64_t unit_cost(const WinogradArgs& a) {
  return WinogradBlocks::kPoints * WinogradBlocks::kTiles * (a.in_channels + 8) *
         std::min(a.out_channels, WinogradBlocks::kChannels) / 8;
}

}  // namespace

const Family<WinogradArgs> winograd("winograd", units, unit_cost, winograd_scratch_bytes,
                                    {{Backend::cpu, DType::f32, cpu::winograd_f32}});

std::int64_t winograd_weight_bytes(const WinogradWeights& w) {
  return 4 * WinogradBlocks::kPoints * w.in_channels * WinogradBlocks::kPackedChannels *
         ceil_div(w.out_channels, WinogradBlocks::kChannels);
}
void winograd_weights(const WinogradWeights& w, void* to) { cpu::winograd_weights_f32(w, to); }

}  // namespace ingrad::kernels
