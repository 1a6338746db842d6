// SPDX-License-Identifier: Apache-2.0
#include "engine/optim/clipping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/convert.h"
#include "engine/optim/loops.h"

namespace ingrad {
namespace {

// Elements per partial sum: fixed, so that threads do not change the result.
constexpr std::int64_t kBlock = 1 << 14;

Tensor dense_gradient(const Tensor& t, Location where) {
  if (t.dtype() != DType::f32 && t.dtype() != DType::f64) {
    throw Error(fmt::format("gradient clipping: dtype {}, expected f32 or f64", name_of(t.dtype())),
                where);
  }
  if (t.is_contiguous()) return t;
  const Tensor copy = Tensor::empty(t.shape(), t.dtype());
  copy_strided(t.raw(), t.strides(), copy.mutable_raw(), copy.strides(), t.shape(), t.dtype());
  return copy;
}

// sum |x|^p, or max |x| for p = infinity; NaN wins.
template <class T>
double power_sum(const T* x, std::int64_t count, double p) {
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double a = std::abs(static_cast<double>(x[i]));
    if (p == 2) {
      total += a * a;
    } else if (p == 1) {
      total += a;
    } else if (std::isinf(p)) {
      total = a > total || std::isnan(a) ? a : total;
    } else {
      total += std::pow(a, p);
    }
  }
  return total;
}

double combine(double total, double part, double p) {
  if (!std::isinf(p)) return total + part;
  return part > total || std::isnan(part) ? part : total;
}

// out[i] = f(in[i]) as a new tensor.
template <class F>
Tensor mapped(const Tensor& gradient, const F& f, Location where) {
  const Tensor in = dense_gradient(gradient, where);
  const Tensor out = Tensor::empty(in.shape(), in.dtype());
  optim::with_float_type(in.dtype(), [&]<class T>(T) {
    const T* x = in.data<T>();
    T* y = out.mutable_data<T>();
    optim::for_elements(in.size(), 2, [=](std::int64_t i) { y[i] = static_cast<T>(f(x[i])); });
  });
  return out;
}

}  // namespace

double gradient_norm(std::span<const Tensor> gradients, double p, Location where) {
  if (!(p >= 1)) throw Error(fmt::format("gradient_norm: p is {}, expected at least 1", p), where);
  double total = 0;
  for (const Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const Tensor g = dense_gradient(gradient, where);
    const std::int64_t blocks = (g.size() + kBlock - 1) / kBlock;
    std::vector<double> partial(static_cast<std::size_t>(blocks));
    double* parts = partial.data();
    optim::with_float_type(g.dtype(), [&]<class T>(T) {
      const T* x = g.data<T>();
      const std::int64_t size = g.size();
      optim::for_elements(blocks, 2 * kBlock, [=](std::int64_t b) {
        parts[b] = power_sum(x + b * kBlock, std::min(kBlock, size - b * kBlock), p);
      });
    });
    for (const double part : partial) total = combine(total, part, p);
  }
  return p == 2 ? std::sqrt(total) : std::isinf(p) || p == 1 ? total : std::pow(total, 1 / p);
}

double clip_gradient_norm(std::span<Tensor> gradients, double max_norm, double p,
                          bool error_if_nonfinite, Location where) {
  if (!(max_norm >= 0)) {
    throw Error(fmt::format("clip_gradient_norm: max_norm is {}", max_norm), where);
  }
  const double norm = gradient_norm(gradients, p, where);
  if (error_if_nonfinite && !std::isfinite(norm)) {
    throw Error(fmt::format("clip_gradient_norm: the gradient norm is {}", norm), where);
  }
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  for (Tensor& g : gradients) {
    if (g.defined()) {
      g = mapped(g, [=](auto v) { return v * static_cast<decltype(v)>(factor); }, where);
    }
  }
  return norm;
}

void clip_gradient_value(std::span<Tensor> gradients, double limit, Location where) {
  if (!(limit >= 0)) throw Error(fmt::format("clip_gradient_value: limit is {}", limit), where);
  for (Tensor& g : gradients) {
    if (!g.defined()) continue;
    g = mapped(
        g,
        [=](auto v) {
          const auto top = static_cast<decltype(v)>(limit);
          return v > top ? top : v < -top ? -top : v;
        },
        where);
  }
}

}  // namespace ingrad
