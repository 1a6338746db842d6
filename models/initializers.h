// SPDX-License-Identifier: Apache-2.0
// Initial values of parameters, distributed as by torch.nn.init. Every value follows from the key
// by counter, whatever else is initialised.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/random.h"
#include "engine/tensor.h"

namespace ingrad {

// Makes the initial values of a parameter; f32 or f64. Error when the shape has not the rank that
// the distribution needs.
using Initializer = std::function<Tensor(const Shape& shape, const RandomKey& key, DType dtype)>;

namespace init {

Initializer constant(double value);
Initializer uniform(double low = 0, double high = 1, Location where = Location::current());
Initializer normal(double mean = 0, double standard_deviation = 1,
                   Location where = Location::current());
// The normal distribution restricted to [low, high] (not in units of the standard deviation).
Initializer truncated_normal(double mean = 0, double standard_deviation = 1, double low = -2,
                             double high = 2, Location where = Location::current());

// What a weight [out, in, kernel...] sums over: in or out times the elements of the kernel.
struct Fans {
  std::int64_t in, out;
};
// Error for fewer than two axes.
Fans fans_of(const Shape& shape, Location where = Location::current());

// Glorot and Bengio 2010: standard deviation gain sqrt(2 / (fan in + fan out)).
Initializer xavier_uniform(double gain = 1);
Initializer xavier_normal(double gain = 1);

enum class Fan : std::uint8_t { in, out };
enum class Nonlinearity : std::uint8_t { linear, sigmoid, tanh, relu, leaky_relu, selu };
// The factor that keeps the variance through the function, by PyTorch's table.
double gain_of(Nonlinearity nonlinearity, double negative_slope = 0.01);

// He et al. 2015: standard deviation gain / sqrt(fan).
struct KaimingOptions {
  Fan fan = Fan::in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;
  double negative_slope = 0;  // of leaky_relu
};
Initializer kaiming_uniform(const KaimingOptions& options = {});
Initializer kaiming_normal(const KaimingOptions& options = {});

// Saxe et al. 2014: the weight as a matrix [out, the rest], its rows orthogonal, or its columns
// where there are fewer of them, of length `gain`; uniformly distributed among all such matrices.
Initializer orthogonal(double gain = 1);

// Those that torch.nn.Linear and the convolutions start with: weight and bias uniform within
// 1 / sqrt(fan in) of the weight.
Initializer default_weight();
Initializer default_bias(const Shape& weight, Location where = Location::current());

}  // namespace init
}  // namespace ingrad
