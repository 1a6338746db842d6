// SPDX-License-Identifier: Apache-2.0
#include "kernels/image_lanes.h"

#include "kernels/cpu/image_lanes.h"
#include "kernels/gemm_blocks.h"

namespace ingrad::kernels {
namespace {

std::int64_t conv_units(const ConvArgs& a) { return LanesConvBlocks(a).units; }
std::int64_t conv_cost(const ConvArgs& a) {
  return kImageLanes * LanesConvBlocks(a).rows * a.grid[2] * a.out_channels *
         (a.in_channels * a.taps + 8) / 8;
}

template <class Args>
std::int64_t planes(const Args& a) {
  return a.planes;
}
template <class Args>
std::int64_t plane_cost(const Args& a) {
  return kImageLanes * a.size[0] * a.size[1];
}

std::int64_t copy_units(const ImageLanesArgs& a) {
  return a.groups * ceil_div(a.points, kImageLanesPoints);
}
std::int64_t copy_cost(const ImageLanesArgs&) { return kImageLanes * kImageLanesPoints; }

}  // namespace

LanesConvBlocks::LanesConvBlocks(const ConvArgs& a)
    : rows(even_part(a.grid[1], kRows, 1)),
      bands(ceil_div(a.grid[1], rows)),
      units(a.batch * a.groups * a.grid[0] * bands) {}

constinit const Family<ImageLanesArgs> image_lanes("image_lanes", copy_units, copy_cost, nullptr,
                                                   {{Backend::cpu, DType::f32,
                                                     cpu::image_lanes_f32}});
constinit const Family<ConvArgs> lanes_conv("lanes_conv", conv_units, conv_cost,
                                            cpu::lanes_conv_scratch_bytes,
                                            {{Backend::cpu, DType::f32, cpu::lanes_conv_f32}});
constinit const Family<PairPoolArgs> lanes_pair_pool("lanes_pair_pool", planes<PairPoolArgs>,
                                                     plane_cost<PairPoolArgs>, nullptr,
                                                     {{Backend::cpu, DType::f32,
                                                       cpu::lanes_pair_pool_f32}});
constinit const Family<PairPoolGradArgs> lanes_pair_pool_grad(
    "lanes_pair_pool_grad", planes<PairPoolGradArgs>, plane_cost<PairPoolGradArgs>, nullptr,
    {{Backend::cpu, DType::f32, cpu::lanes_pair_pool_grad_f32}});

}  // namespace ingrad::kernels
