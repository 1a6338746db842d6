// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ingrad::kernels::reference {
namespace {

template <class T>
T* row(T* base, const HeadStrides& at, std::int64_t b, std::int64_t i, std::int64_t h) {
  return base + b * at.batch + i * at.row + h * at.head;
}
template <class T>
const T* row(const void* base, const HeadStrides& at, std::int64_t b, std::int64_t i,
             std::int64_t h) {
  return row(static_cast<const T*>(base), at, b, i, h);
}

template <class T>
double dot(const T* a, const T* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t e = 0; e < n; ++e) sum += double{a[e]} * double{b[e]};
  return sum;
}

// p_i, for the keys that query i sees.
template <class T, class Args>
std::vector<double> probabilities(const Args& a, std::int64_t b, std::int64_t i, std::int64_t h) {
  const std::int64_t seen = a.causal ? std::min(a.keys, i + 1) : a.keys;
  const std::int64_t kv = h / (a.heads / a.kv_heads);
  std::vector<double> p(static_cast<std::size_t>(seen));
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::int64_t j = 0; j < seen; ++j) {
    double s = a.scale * dot(row<T>(a.q, a.q_at, b, i, h), row<T>(a.k, a.k_at, b, j, kv), a.width);
    if (a.mask) s += double{row<T>(a.mask, a.mask_at, b, i, h)[j * a.mask_step]};
    p[static_cast<std::size_t>(j)] = s;
    if (s > most || std::isnan(s)) most = s;
  }
  if (most == -std::numeric_limits<double>::infinity()) {
    std::fill(p.begin(), p.end(), 0.0);
    return p;
  }
  for (double& s : p) sum += s = std::exp(s - most);
  for (double& s : p) s /= sum;
  return p;
}

template <class T>
void attention(const AttentionArgs& a, Range r) {
  const AttentionBlocks blocks(a);
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t head = u / blocks.count, b = head / a.heads, h = head % a.heads;
    const std::int64_t begin = u % blocks.count * blocks.rows;
    for (std::int64_t i = begin; i < std::min(begin + blocks.rows, a.queries); ++i) {
      const std::vector<double> p = probabilities<T>(a, b, i, h);
      T* const y = row(static_cast<T*>(a.y), a.y_at, b, i, h);
      for (std::int64_t e = 0; e < a.value_width; ++e) {
        double sum = 0;
        for (std::size_t j = 0; j < p.size(); ++j) {
          sum += p[j] * double{row<T>(a.v, a.v_at, b, static_cast<std::int64_t>(j),
                                      h / (a.heads / a.kv_heads))[e]};
        }
        y[e] = static_cast<T>(sum);
      }
    }
  }
}

void add_scaled(double factor, const auto* x, std::int64_t n, double* to) {
  for (std::int64_t e = 0; e < n; ++e) to[e] += factor * double{x[e]};
}

template <class T>
void write(const std::vector<double>& rows, std::int64_t width, T* base, const HeadStrides& at,
           std::int64_t b, std::int64_t h) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto e = static_cast<std::int64_t>(i);
    row(base, at, b, e / width, h)[e % width] = static_cast<T>(rows[i]);
  }
}

template <class T>
void attention_grad(const AttentionGradArgs& a, Range r) {
  const std::int64_t group = a.heads / std::max<std::int64_t>(1, a.kv_heads);
  for (std::int64_t u = r.begin; u < r.end; ++u) {
    const std::int64_t b = u / a.kv_heads, kv = u % a.kv_heads;
    std::vector<double> dk(static_cast<std::size_t>(a.keys * a.width));
    std::vector<double> dv(static_cast<std::size_t>(a.keys * a.value_width));
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
      std::vector<double> dq(static_cast<std::size_t>(a.queries * a.width));
      for (std::int64_t i = 0; i < a.queries; ++i) {
        const std::vector<double> p = probabilities<T>(a, b, i, h);
        const T* const dy = row<T>(a.dy, a.y_at, b, i, h);
        std::vector<double> dp(p.size());
        double sum = 0;
        for (std::size_t j = 0; j < p.size(); ++j) {
          dp[j] = dot(dy, row<T>(a.v, a.v_at, b, static_cast<std::int64_t>(j), kv), a.value_width);
          sum += p[j] * dp[j];
        }
        for (std::size_t j = 0; j < p.size(); ++j) {
          const auto at = static_cast<std::int64_t>(j);
          const double ds = a.scale * p[j] * (dp[j] - sum);
          add_scaled(ds, row<T>(a.k, a.k_at, b, at, kv), a.width, dq.data() + i * a.width);
          add_scaled(ds, row<T>(a.q, a.q_at, b, i, h), a.width, dk.data() + at * a.width);
          add_scaled(p[j], dy, a.value_width, dv.data() + at * a.value_width);
        }
      }
      write(dq, a.width, static_cast<T*>(a.dq), a.dq_at, b, h);
    }
    write(dk, a.width, static_cast<T*>(a.dk), a.dk_at, b, kv);
    write(dv, a.value_width, static_cast<T*>(a.dv), a.dv_at, b, kv);
  }
}

}  // namespace

void attention_f32(const AttentionArgs& a, Range r) { attention<float>(a, r); }
void attention_f64(const AttentionArgs& a, Range r) { attention<double>(a, r); }
void attention_grad_f32(const AttentionGradArgs& a, Range r) { attention_grad<float>(a, r); }
void attention_grad_f64(const AttentionGradArgs& a, Range r) { attention_grad<double>(a, r); }

}  // namespace ingrad::kernels::reference
