// SPDX-License-Identifier: Apache-2.0
#include "models/initializers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "engine/ops/elementwise.h"

namespace ingrad::init {
namespace {

// The quantile function of the standard normal distribution: Wichura 1988, algorithm AS 241,
// relative error about 1e-16.
template <std::size_t N>
double polynomial(const double (&coefficients)[N], double x) {
  double y = 0;
  for (std::size_t i = N; i-- > 0;) y = y * x + coefficients[i];
  return y;
}

double normal_quantile(double p) {
  static constexpr double kA[] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                  1.9715909503065514427e3, 1.3731693765509461125e4,
                                  4.5921953931549871457e4, 6.7265770927008700853e4,
                                  3.3430575583588128105e4, 2.5090809287301226727e3};
  static constexpr double kB[] = {1.0,
                                  4.2313330701600911252e1,
                                  6.8718700749205790830e2,
                                  5.3941960214247511077e3,
                                  2.1213794301586595867e4,
                                  3.9307895800092710610e4,
                                  2.8729085735721942674e4,
                                  5.2264952788528545610e3};
  static constexpr double kC[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                  5.76949722146069140550e0,  3.64784832476320460504e0,
                                  1.27045825245236838258e0,  2.41780725177450611770e-1,
                                  2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double kD[] = {1.0,
                                  2.05319162663775882187e0,
                                  1.67638483018380384940e0,
                                  6.89767334985100004550e-1,
                                  1.48103976427480074590e-1,
                                  1.51986665636164571966e-2,
                                  5.47593808499534494600e-4,
                                  1.05075007164441684324e-9};
  static constexpr double kE[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                  1.78482653991729133580e0,  2.96560571828504891230e-1,
                                  2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                  2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double kF[] = {1.0,
                                  5.99832206555887937690e-1,
                                  1.36929880922735805310e-1,
                                  1.48753612908506148525e-2,
                                  7.86869131145613259100e-4,
                                  1.84631831751005468180e-5,
                                  1.42151175831644588870e-7,
                                  2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kA, r) / polynomial(kB, r);
  }
  double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  if (r <= 5) {
    r -= 1.6;
    r = polynomial(kC, r) / polynomial(kD, r);
  } else {
    r -= 5;
    r = polynomial(kE, r) / polynomial(kF, r);
  }
  return q < 0 ? -r : r;
}

double normal_probability(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

// The vectors, one after another, made orthonormal: Gram and Schmidt's procedure, each projection
// taken twice, which is exact to rounding (Giraud et al. 2005).
void orthonormalize(std::vector<double>& vectors, std::int64_t count, std::int64_t length) {
  for (std::int64_t i = 0; i < count; ++i) {
    double* v = vectors.data() + i * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::int64_t j = 0; j < i; ++j) {
        const double* u = vectors.data() + j * length;
        double dot = 0;
        for (std::int64_t k = 0; k < length; ++k) dot += u[k] * v[k];
        for (std::int64_t k = 0; k < length; ++k) v[k] -= dot * u[k];
      }
    }
    double squares = 0;
    for (std::int64_t k = 0; k < length; ++k) squares += v[k] * v[k];
    for (std::int64_t k = 0; k < length; ++k) v[k] /= std::sqrt(squares);
  }
}

Initializer uniform_within(std::function<double(const Shape&)> deviation) {
  return [deviation](const Shape& shape, const RandomKey& key, DType dtype) {
    const double bound = std::numbers::sqrt3 * deviation(shape);
    if (shape.size() == 0 || bound == 0) return Tensor::zeros(shape, dtype);
    return random_uniform(shape, key, -bound, bound, dtype);
  };
}

Initializer normal_with(std::function<double(const Shape&)> deviation) {
  return [deviation](const Shape& shape, const RandomKey& key, DType dtype) {
    const double sigma = deviation(shape);
    if (shape.size() == 0) return Tensor::zeros(shape, dtype);
    return random_normal(shape, key, 0, sigma, dtype);
  };
}

double xavier_deviation(const Shape& shape, double gain) {
  const Fans fans = fans_of(shape);
  return gain * std::sqrt(2.0 / static_cast<double>(fans.in + fans.out));
}

double kaiming_deviation(const Shape& shape, const KaimingOptions& o) {
  const Fans fans = fans_of(shape);
  return gain_of(o.nonlinearity, o.negative_slope) /
         std::sqrt(static_cast<double>(o.fan == Fan::in ? fans.in : fans.out));
}

}  // namespace

Initializer constant(double value) {
  return [value](const Shape& shape, const RandomKey&, DType dtype) {
    return Tensor::full(shape, value, dtype);
  };
}

Initializer uniform(double low, double high, Location where) {
  return [=](const Shape& shape, const RandomKey& key, DType dtype) {
    return random_uniform(shape, key, low, high, dtype, where);
  };
}

Initializer normal(double mean, double standard_deviation, Location where) {
  return [=](const Shape& shape, const RandomKey& key, DType dtype) {
    return random_normal(shape, key, mean, standard_deviation, dtype, where);
  };
}

Initializer truncated_normal(double mean, double standard_deviation, double low, double high,
                             Location where) {
  if (!(standard_deviation > 0) || !(low < high) || !std::isfinite(standard_deviation) ||
      !std::isfinite(mean) || !std::isfinite(high - low)) {
    throw Error(
        fmt::format("truncated_normal: mean {}, standard deviation {}, range [{}, {}]; "
                    "expected finite values, a positive deviation and a range of some width",
                    mean, standard_deviation, low, high),
        where);
  }
  return [=](const Shape& shape, const RandomKey& key, DType dtype) {
    const Tensor t = random_uniform(shape, key, 0, 1, DType::f64, where);
    double* v = t.mutable_data<double>();
    double from = (low - mean) / standard_deviation, to = (high - mean) / standard_deviation;
    // Probabilities are precise near 0, not near 1: a range in the upper half is taken mirrored.
    const double side = from + to > 0 ? -1 : 1;
    if (side < 0) {
      std::swap(from, to);
      from = -from;
      to = -to;
    }
    const double p = normal_probability(from), width = normal_probability(to) - p;
    for (std::int64_t i = 0; i < t.size(); ++i) {
      const double z = side * normal_quantile(p + width * v[i]);
      v[i] = std::clamp(mean + standard_deviation * z, low, high);
    }
    return cast(t, dtype);
  };
}

Fans fans_of(const Shape& shape, Location where) {
  if (shape.rank() < 2) {
    throw Error(fmt::format("fans: a weight of shape {}; expected [out, in, ...]", shape.str()),
                where);
  }
  std::int64_t kernel = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) kernel *= shape[axis];
  return {shape[1] * kernel, shape[0] * kernel};
}

Initializer xavier_uniform(double gain) {
  return uniform_within([gain](const Shape& shape) { return xavier_deviation(shape, gain); });
}
Initializer xavier_normal(double gain) {
  return normal_with([gain](const Shape& shape) { return xavier_deviation(shape, gain); });
}

double gain_of(Nonlinearity nonlinearity, double negative_slope) {
  switch (nonlinearity) {
    case Nonlinearity::linear:
    case Nonlinearity::sigmoid: return 1;
    case Nonlinearity::tanh: return 5.0 / 3;
    case Nonlinearity::relu: return std::numbers::sqrt2;
    case Nonlinearity::leaky_relu: return std::sqrt(2 / (1 + negative_slope * negative_slope));
    case Nonlinearity::selu: return 0.75;
  }
  return 1;
}

Initializer kaiming_uniform(const KaimingOptions& options) {
  return uniform_within(
      [options](const Shape& shape) { return kaiming_deviation(shape, options); });
}
Initializer kaiming_normal(const KaimingOptions& options) {
  return normal_with([options](const Shape& shape) { return kaiming_deviation(shape, options); });
}

Initializer orthogonal(double gain) {
  return [gain](const Shape& shape, const RandomKey& key, DType dtype) {
    fans_of(shape);  // refuses vectors
    if (shape.size() == 0) return Tensor::zeros(shape, dtype);
    const std::int64_t rows = shape[0], columns = shape.size() / rows;
    const std::int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    // A matrix of normal values has no preferred direction, so neither has what is made of it.
    std::vector<double> vectors =
        random_normal({count, length}, key, 0, 1, DType::f64).to_vector<double>();
    orthonormalize(vectors, count, length);
    const Tensor t = Tensor::empty(shape, DType::f64);
    double* w = t.mutable_data<double>();
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        const std::int64_t at = rows <= columns ? r * length + c : c * length + r;
        w[r * columns + c] = gain * vectors[static_cast<std::size_t>(at)];
      }
    }
    return cast(t, dtype);
  };
}

Initializer default_weight() { return kaiming_uniform({.negative_slope = std::sqrt(5.0)}); }

Initializer default_bias(const Shape& weight, Location where) {
  const std::int64_t fan_in = fans_of(weight, where).in;
  if (fan_in == 0) return constant(0);
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  return uniform(-bound, bound, where);
}

}  // namespace ingrad::init
