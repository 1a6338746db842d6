// SPDX-License-Identifier: Apache-2.0
// Any explainer under noise: SmoothGrad, SmoothGrad-squared and VarGrad of whatever it gives.
#pragma once

#include <cstdint>
#include <functional>

#include "attribution/attribution.h"
#include "attribution/noise.h"

namespace ingrad {

// A method with its options settled; one that treats samples apart.
using Explainer =
    std::function<Attribution(const ModelFn& model, const Tensor& x, const ExplainOptions&)>;

struct NoiseTunnelOptions {
  int draws = 50;           // noisy copies per sample; Captum: 5
  NoiseOptions noise = {};  // Captum: sigma 1, absolute
  enum class Statistic : std::uint8_t {
    mean,                 // SmoothGrad (Smilkov et al. 2017)
    square,               // mean of squares
    variance,             // VarGrad: the sample variance, divisor draws - 1
    population_variance,  // divisor draws, as Captum's vargrad
  } statistic = Statistic::mean;
  std::uint64_t seed = 1;
};

// The statistic of `method` at noisy copies of every sample, element by element. Classes are those
// of the clean samples. A method that multiplies by its inputs multiplies by the noisy ones, as
// Captum's. Copies of many samples go into one call of the method; draws of sampled methods are
// apart for every copy. With sigma 0 all copies are the sample itself: the method is called once,
// its values are the mean bit for bit, and variances are zero.
//
// f is that of the clean samples; a mean of complete methods adds up to the mean of f under noise,
// so that there is no delta. Standard errors: of the mean over copies; of variances by the fourth
// moment (NaN below four draws); the method's own ones with sigma 0. Cost: that of the method,
// times `draws`, and one forward row per sample. Under a cap in bytes, at most 1/32 of it is for
// copies and their results, the rest for the method.
Attribution explain_noise_tunnel(const ModelFn& model, const Tensor& x, const Explainer& method,
                                 const NoiseTunnelOptions& tunnel = {},
                                 const ExplainOptions& options = {},
                                 Location where = Location::current());

}  // namespace ingrad
