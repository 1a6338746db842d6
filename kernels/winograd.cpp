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
std::int64_t weight_units(const WinogradWeightsArgs& a) {
  return ceil_div(a.out_channels, WinogradBlocks::kChannels);
}
std::int64_t weight_cost(const WinogradWeightsArgs& a) {
  return 40 * WinogradBlocks::kChannels * a.in_channels;
}

}  // namespace

constinit const Family<WinogradArgs> winograd("winograd", units, unit_cost, winograd_scratch_bytes,
                                              {{Backend::cpu, DType::f32, cpu::winograd_f32}});

std::int64_t winograd_weight_bytes(const WinogradWeightsArgs& a) {
  return 4 * WinogradBlocks::kPoints * a.in_channels * WinogradBlocks::kPackedChannels *
         ceil_div(a.out_channels, WinogradBlocks::kChannels);
}
constinit const Family<WinogradWeightsArgs> winograd_weights("winograd_weights", weight_units,
                                                             weight_cost, nullptr,
                                                             {{Backend::cpu, DType::f32,
                                                               cpu::winograd_weights_f32}});

}  // namespace ingrad::kernels
