// SPDX-License-Identifier: Apache-2.0
// Attention by the register tile of matrix products: keys and values of a head are packed once, and
// meet its queries block by block. Scores of a block stay in the first or second-level cache.
#include "kernels/cpu/attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cpp"
#include "hwy/foreach_target.h"
// Highway's per-target headers follow foreach_target.
#include "kernels/cpu/gemm-inl.h"
#include "kernels/cpu/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ingrad::kernels::cpu {
namespace HWY_NAMESPACE {

// A right operand [k][columns] as panels.
template <class T>
HWY_INLINE void pack_columns(const T* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k,
                             std::int64_t columns, T* panels) {
  constexpr std::int64_t kWidth = kPanelWidth<T>;
  for (std::int64_t j = 0; j < columns; j += kWidth) {
    pack_panel<T, kWidth>(b + j * b_col, b_col, b_row, std::min(kWidth, columns - j), k,
                          panels + j * k);
  }
}

// A product of a few rows with packed panels.
template <class T>
struct SmallProduct {
  const T* a;  // element (i, p) at a[i * a_row + p * a_col]
  std::int64_t a_row, a_col;
  const T* panels;
  std::int64_t panel_k;  // rows of each panel, of which the first k count
  T* c;
  std::int64_t c_row;
  std::int64_t rows, columns, k;
  bool add = false;
};

// `tile`: room for kTileStride * k elements. The sum runs in parts, as in any product.
template <class T>
HWY_INLINE void multiply(const SmallProduct<T>& s, T* tile) {
  constexpr std::int64_t kWidth = kPanelWidth<T>;
  if (s.rows == 0 || s.columns == 0) return;
  const Depth depth(s.k);
  const std::int64_t rows = tile_rows(s.rows);
  TileJob<T> job;
  job.c_step = s.c_row;
  for (std::int64_t part = 0; part < depth.parts; ++part) {
    const std::int64_t begin = depth.begin(part);
    job.k = depth.size(part);
    job.add = s.add || part > 0;
    for (std::int64_t i = 0; i < s.rows; i += rows) {
      const std::int64_t height = std::min(rows, s.rows - i);
      const T* const a = s.a + i * s.a_row + begin * s.a_col;
      if (s.a_row == 1) {
        job.a = a;
        job.a_step = s.a_col;
      } else {
        pack_panel<T, kTileStride>(a, s.a_row, s.a_col, height, job.k, tile);
        job.a = tile;
        job.a_step = kTileStride;
      }
      for (std::int64_t j = 0; j < s.columns; j += kWidth) {
        job.b = s.panels + j * s.panel_k + begin * kWidth;
        job.columns = static_cast<std::size_t>(std::min(kWidth, s.columns - j));
        job.c = s.c + i * s.c_row + j;
        run_tile(job, height);
      }
    }
  }
}

// ---- rows of scores ---------------------------------------------------------------------------
// Rows are padded to whole vectors, and what no query sees is zero in the end.

// Products of a query with `seen` keys become probabilities; up to `limit` the row is filled up.
template <class T>
HWY_INLINE void softmax_scores(T* s, std::int64_t seen, std::int64_t limit, T scale, const T* mask,
                               std::int64_t mask_step) {
  const Tag<T> d;
  constexpr std::int64_t kStep = hn::MaxLanes(Tag<T>());
  const Vec<T> none = hn::Set(d, -std::numeric_limits<T>::infinity());
  const Vec<T> factor = hn::Set(d, scale);
  Vec<T> most = none;
  for (std::int64_t j = 0; j < seen; j += kStep) {
    const auto left = static_cast<std::size_t>(seen - j);
    Vec<T> x = hn::Mul(hn::LoadU(d, s + j), factor);
    if (mask != nullptr && mask_step == 1) {
      x = hn::Add(x, load_head(mask + j, left));
    } else if (mask != nullptr) {
      x = hn::Add(x, hn::Set(d, *mask));  // one value for all keys
    }
    x = hn::IfThenElse(hn::FirstN(d, left), x, none);
    hn::StoreU(x, d, s + j);
    most = JoinMaximum::join(most, x);
  }
  T lanes[kStep];
  hn::StoreU(most, d, lanes);
  T m = lanes[0];
  for (std::int64_t i = 1; i < kStep; ++i)
    m = (lanes[i] > m || lanes[i] != lanes[i]) ? lanes[i] : m;
  const std::int64_t end = round_up(limit, kStep);
  if (m == -std::numeric_limits<T>::infinity()) {
    for (std::int64_t j = 0; j < end; j += kStep) hn::StoreU(hn::Zero(d), d, s + j);
    return;
  }
  const Vec<T> shift = hn::Set(d, m);
  Vec<T> sum = hn::Zero(d);
  for (std::int64_t j = 0; j < seen; j += kStep) {
    const Vec<T> e = exp_shifted(d, hn::Sub(hn::LoadU(d, s + j), shift));
    hn::StoreU(e, d, s + j);
    sum = hn::Add(sum, e);
  }
  const Vec<T> inverse = hn::Set(d, T(1) / hn::GetLane(hn::SumOfLanes(d, sum)));
  for (std::int64_t j = 0; j < seen; j += kStep) {
    hn::StoreU(hn::Mul(hn::LoadU(d, s + j), inverse), d, s + j);
  }
  for (std::int64_t j = round_up(seen, kStep); j < end; j += kStep) {
    hn::StoreU(hn::Zero(d), d, s + j);
  }
}

// dp becomes scale * p * (dp - sum p dp), n elements.
template <class T>
HWY_INLINE void softmax_scores_grad(const T* p, T* dp, std::int64_t n, T scale) {
  const Tag<T> d;
  constexpr std::int64_t kStep = hn::MaxLanes(Tag<T>());
  // What lies beyond n was never computed.
  Vec<T> sum = hn::Zero(d);
  for (std::int64_t j = 0; j < n; j += kStep) {
    const auto head = hn::FirstN(d, static_cast<std::size_t>(n - j));
    sum =
        hn::Add(sum, hn::IfThenElseZero(head, hn::Mul(hn::LoadU(d, p + j), hn::LoadU(d, dp + j))));
  }
  const Vec<T> mean = hn::SumOfLanes(d, sum), factor = hn::Set(d, scale);
  for (std::int64_t j = 0; j < n; j += kStep) {
    const auto head = hn::FirstN(d, static_cast<std::size_t>(n - j));
    const Vec<T> ds =
        hn::Mul(hn::Mul(factor, hn::LoadU(d, p + j)), hn::Sub(hn::LoadU(d, dp + j), mean));
    hn::StoreU(hn::IfThenElseZero(head, ds), d, dp + j);
  }
}

template <class T>
HWY_INLINE const T* at(const void* base, const HeadStrides& s, std::int64_t b, std::int64_t i,
                       std::int64_t h) {
  return static_cast<const T*>(base) + b * s.batch + i * s.row + h * s.head;
}
template <class T>
HWY_INLINE T* at(void* base, const HeadStrides& s, std::int64_t b, std::int64_t i, std::int64_t h) {
  return static_cast<T*>(base) + b * s.batch + i * s.row + h * s.head;
}

// The rows [i, i + rows) of a head's probabilities, for the first `limit` keys.
template <class T, class Args>
HWY_INLINE void probabilities(const Args& a, const AttentionWork& w, std::int64_t b, std::int64_t h,
                              std::int64_t i, std::int64_t rows, std::int64_t limit,
                              const T* key_panels, T* scores, T* tile) {
  multiply<T>({at<T>(a.q, a.q_at, b, i, h), a.q_at.row, 1, key_panels, a.width, scores,
               w.score_step, rows, limit, a.width},
              tile);
  for (std::int64_t r = 0; r < rows; ++r) {
    softmax_scores(scores + r * w.score_step, a.causal ? std::min(limit, i + r + 1) : limit, limit,
                   static_cast<T>(a.scale),
                   a.mask ? at<T>(a.mask, a.mask_at, b, i + r, h) : nullptr, a.mask_step);
  }
}

template <class T>
HWY_INLINE void attention(const AttentionArgs& a, Range range) {
  const AttentionBlocks blocks(a);
  const AttentionWork w(a);
  T* const key_panels = static_cast<T*>(range.scratch);
  T* const value_panels = key_panels + w.keys * w.width;
  T* const scores = value_panels + w.keys * w.value_width;
  T* const tile = scores + w.scores;
  std::int64_t packed = -1;  // the head whose keys and values are packed
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const std::int64_t b = u / blocks.count / a.heads, h = u / blocks.count % a.heads;
    const std::int64_t kv = h / (a.heads / a.kv_heads);
    if (packed != b * a.kv_heads + kv) {
      packed = b * a.kv_heads + kv;
      pack_columns(at<T>(a.k, a.k_at, b, 0, kv), 1, a.k_at.row, a.width, a.keys, key_panels);
      pack_columns(at<T>(a.v, a.v_at, b, 0, kv), a.v_at.row, 1, a.keys, a.value_width,
                   value_panels);
    }
    const std::int64_t i = u % blocks.count * blocks.rows;
    const std::int64_t rows = std::min(blocks.rows, a.queries - i);
    const std::int64_t limit = a.causal ? std::min(a.keys, i + rows) : a.keys;
    probabilities(a, w, b, h, i, rows, limit, key_panels, scores, tile);
    multiply<T>({scores, w.score_step, 1, value_panels, a.keys, at<T>(a.y, a.y_at, b, i, h),
                 a.y_at.row, rows, a.value_width, limit},
                tile);
  }
}

template <class T>
HWY_INLINE void clear(void* base, const HeadStrides& s, std::int64_t b, std::int64_t h,
                      std::int64_t rows, std::int64_t width) {
  for (std::int64_t i = 0; i < rows; ++i) std::fill_n(at<T>(base, s, b, i, h), width, T(0));
}

template <class T>
HWY_INLINE void attention_grad(const AttentionGradArgs& a, Range range) {
  const AttentionBlocks blocks(a);
  const AttentionWork w(a);
  T* const keys_across = static_cast<T*>(range.scratch);  // [width][keys], as scores want them
  T* const values_across = keys_across + w.keys * w.width;
  T* const key_panels = values_across + w.keys * w.value_width;  // [keys][width]
  T* const query_panels = key_panels + w.keys * w.width;
  T* const dy_panels = query_panels + w.rows * w.width;
  T* const p = dy_panels + w.rows * w.value_width;
  T* const ds = p + w.scores;
  T* const tile = ds + w.scores;
  const std::int64_t group = a.heads / std::max<std::int64_t>(1, a.kv_heads);
  for (std::int64_t u = range.begin; u < range.end; ++u) {
    const std::int64_t b = u / a.kv_heads, kv = u % a.kv_heads;
    const T* const keys = at<T>(a.k, a.k_at, b, 0, kv);
    pack_columns(keys, 1, a.k_at.row, a.width, a.keys, keys_across);
    pack_columns(keys, a.k_at.row, 1, a.keys, a.width, key_panels);
    pack_columns(at<T>(a.v, a.v_at, b, 0, kv), 1, a.v_at.row, a.value_width, a.keys, values_across);
    clear<T>(a.dk, a.dk_at, b, kv, a.keys, a.width);
    clear<T>(a.dv, a.dv_at, b, kv, a.keys, a.value_width);
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
      for (std::int64_t i = 0; i < a.queries; i += blocks.rows) {
        const std::int64_t rows = std::min(blocks.rows, a.queries - i);
        const std::int64_t limit = a.causal ? std::min(a.keys, i + rows) : a.keys;
        const T* const dy = at<T>(a.dy, a.y_at, b, i, h);
        probabilities(a, w, b, h, i, rows, limit, keys_across, p, tile);
        multiply<T>({dy, a.y_at.row, 1, values_across, a.value_width, ds, w.score_step, rows, limit,
                     a.value_width},
                    tile);
        for (std::int64_t r = 0; r < rows; ++r) {
          softmax_scores_grad(p + r * w.score_step, ds + r * w.score_step, limit,
                              static_cast<T>(a.scale));
        }
        multiply<T>({ds, w.score_step, 1, key_panels, a.keys, at<T>(a.dq, a.dq_at, b, i, h),
                     a.dq_at.row, rows, a.width, limit},
                    tile);
        pack_columns(at<T>(a.q, a.q_at, b, i, h), a.q_at.row, 1, rows, a.width, query_panels);
        pack_columns(dy, a.y_at.row, 1, rows, a.value_width, dy_panels);
        multiply<T>({ds, 1, w.score_step, query_panels, rows, at<T>(a.dk, a.dk_at, b, 0, kv),
                     a.dk_at.row, limit, a.width, rows, true},
                    tile);
        multiply<T>({p, 1, w.score_step, dy_panels, rows, at<T>(a.dv, a.dv_at, b, 0, kv),
                     a.dv_at.row, limit, a.value_width, rows, true},
                    tile);
      }
    }
  }
}

void attention_f32(const AttentionArgs& a, Range r) { attention<float>(a, r); }
void attention_f64(const AttentionArgs& a, Range r) { attention<double>(a, r); }
void attention_grad_f32(const AttentionGradArgs& a, Range r) { attention_grad<float>(a, r); }
void attention_grad_f64(const AttentionGradArgs& a, Range r) { attention_grad<double>(a, r); }

}  // namespace HWY_NAMESPACE
}  // namespace ingrad::kernels::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ingrad::kernels::cpu {

HWY_EXPORT(attention_f32);
HWY_EXPORT(attention_f64);
HWY_EXPORT(attention_grad_f32);
HWY_EXPORT(attention_grad_f64);

void attention_f32(const AttentionArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(attention_f32)(a, r); }
void attention_f64(const AttentionArgs& a, Range r) { HWY_DYNAMIC_DISPATCH(attention_f64)(a, r); }
void attention_grad_f32(const AttentionGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(attention_grad_f32)(a, r);
}
void attention_grad_f64(const AttentionGradArgs& a, Range r) {
  HWY_DYNAMIC_DISPATCH(attention_grad_f64)(a, r);
}

}  // namespace ingrad::kernels::cpu
#endif
