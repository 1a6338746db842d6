// SPDX-License-Identifier: Apache-2.0
// The list of all kernel families. A new family is one line here.
#include "kernels/attention.h"
#include "kernels/channel_factors.h"
#include "kernels/conv.h"
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/image_lanes.h"
#include "kernels/index.h"
#include "kernels/loss.h"
#include "kernels/mlp_gradient.h"
#include "kernels/norm.h"
#include "kernels/pair_pool.h"
#include "kernels/pool.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "kernels/resample.h"
#include "kernels/scan.h"
#include "kernels/sign_bits.h"
#include "kernels/softmax.h"
#include "kernels/sort.h"
#include "kernels/winograd.h"

namespace ingrad::kernels {

std::span<const FamilyBase* const> all_families() {
  static const FamilyBase* const kFamilies[] = {
      &attention,
      &attention_grad,
      &channel_affine,
      &channel_factors,
      &channel_grad_factors,
      &conv,
      &conv_weight_grad,
      &copy,
      &cross_entropy,
      &cross_entropy_grad,
      &cumsum,
      &dropout,
      &elementwise,
      &fill,
      &gather,
      &gemm,
      &image_lanes,
      &lanes_conv,
      &lanes_pair_pool,
      &lanes_pair_pool_grad,
      &max_pool,
      &mlp_gradient,
      &one_hot,
      &pair_pool,
      &pair_pool_grad,
      &random_bernoulli,
      &random_integers,
      &random_normal,
      &random_permutation,
      &random_uniform,
      &reduce,
      &reduce_combine,
      &resample,
      &row_norm,
      &row_norm_grad,
      &scatter_sum,
      &sign_bits,
      &softmax,
      &softmax_grad,
      &sort,
      &winograd,
      &winograd_weights,
  };
  return kFamilies;
}

}  // namespace ingrad::kernels
