// SPDX-License-Identifier: Apache-2.0
// Attention by tiles of queries and keys in shared memory, with a running maximum and sum per query
// (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al.,
// "FlashAttention", 2022): no matrix of scores, tiles above the diagonal of causal attention
// skipped. The backward pass computes scores again: first what each query needs to know of its
// row, then the gradients of queries and, by other blocks, of keys and values.
#include "kernels/attention.h"

#include "kernels/cuda/block.cuh"
#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

constexpr int kRows = 16;   // queries of a tile
constexpr int kLanes = 16;  // threads that share a row: half a warp
static_assert(kRows * kLanes == kBlock);
constexpr std::size_t kSharedBytes = 96 * 1024;  // at most, where heads are not huge

// Row `row` of one head in an array of the caller's.
template <class T, class P>
__device__ inline T* row_of(P* p, const HeadStrides& at, std::int64_t batch, std::int64_t head,
                            std::int64_t row) {
  return static_cast<T*>(p) + batch * at.batch + head * at.head + row * at.row;
}

// Elements [rows][width] of one head, from row `first` on; zero from row `count` on.
template <class T>
__device__ inline void load_rows(const void* from, const HeadStrides& at, std::int64_t batch,
                                 std::int64_t head, std::int64_t first, std::int64_t count,
                                 int rows, std::int64_t width, T* to) {
  const T* const base = row_of<const T>(from, at, batch, head, 0);
  const int w = static_cast<int>(width);
  for (int e = static_cast<int>(threadIdx.x); e < rows * w; e += static_cast<int>(kBlock)) {
    const int row = e / w;
    to[row * (w + 1) + e % w] = first + row < count ? base[(first + row) * at.row + e % w] : T(0);
  }
}

template <class T>
__device__ inline T dot(const T* a, const T* b, std::int64_t n) {
  T sum = T(0);
  for (std::int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// Over the 16 lanes of a row.
template <class T, class Join>
__device__ inline T row_all(T v, Join join) {
  INGRAD_UNROLL
  for (int bits = kLanes / 2; bits > 0; bits /= 2)
    v = join(v, __shfl_xor_sync(0xffffffffu, v, bits));
  return v;
}

// scale <q_i, k_j> + mask, -infinity where the query does not see the key.
template <class T, class Args>
__device__ inline T score(const Args& a, const T* q, const T* k, std::int64_t batch,
                          std::int64_t head, std::int64_t i, std::int64_t j) {
  if (i >= a.queries || j >= a.keys || (a.causal && j > i)) return -static_cast<T>(INFINITY);
  T s = static_cast<T>(a.scale) * dot(q, k, a.width);
  if (a.mask) {
    s += static_cast<const T*>(a.mask)[batch * a.mask_at.batch + i * a.mask_at.row +
                                       head * a.mask_at.head + j * a.mask_step];
  }
  return s;
}

// How far the keys reach that queries below `end` see.
template <class Args>
__device__ inline std::int64_t keys_seen(const Args& a, std::int64_t end) {
  return a.causal && end < a.keys ? end : a.keys;
}

// Which (batch, head, tile) a block works on, and which row of it a thread shares.
struct Place {
  std::int64_t batch, head, first;  // row of the head where the tile begins
  int row, lane;                    // of the thread, in the tile
  __device__ std::int64_t mine() const { return first + row; }
  __device__ static Place of(std::int64_t heads, std::int64_t tiles) {
    const std::int64_t number = blockIdx.x;
    const int t = static_cast<int>(threadIdx.x);
    return {number / tiles / heads, number / tiles % heads, number % tiles * kRows, t / kLanes,
            t % kLanes};
  }
};

// Scores of a query and a tile of keys from `from` on, each lane writing its own; returns the
// largest.
template <class T, class Args>
__device__ inline T score_tile(const Args& a, const Place& at, const T* q, const T* k,
                               std::int64_t from, int keys, T* to) {
  T largest = -static_cast<T>(INFINITY);
  for (int j = at.lane; j < keys; j += kLanes) {
    to[j] = score(a, q, k + j * (a.width + 1), at.batch, at.head, at.mine(), from + j);
    largest = Largest()(largest, to[j]);
  }
  return row_all(largest, Largest());
}

// exp(s - most), zero where nothing has been seen.
template <class T>
__device__ inline T weight_of(T s, T most) {
  return most == -static_cast<T>(INFINITY) ? T(0) : std::exp(s - most);
}

template <class T>
__global__ void __launch_bounds__(kBlock) attend(AttentionArgs a, std::int64_t tiles, int keys) {
  INGRAD_DYNAMIC_SHARED(T, memory);
  const int width = static_cast<int>(a.width), value_width = static_cast<int>(a.value_width);
  T* const q = memory;                         // [kRows][width + 1]
  T* const y = q + kRows * (width + 1);        // [kRows][value_width + 1]
  T* const p = y + kRows * (value_width + 1);  // [kRows][keys + 1]
  T* const k = p + kRows * (keys + 1);         // [keys][width + 1]
  T* const v = k + keys * (width + 1);         // [keys][value_width + 1]
  const Place at = Place::of(a.heads, tiles);
  const std::int64_t kv = at.head / (a.heads / a.kv_heads);
  const int row = at.row, lane = at.lane;
  load_rows(a.q, a.q_at, at.batch, at.head, at.first, a.queries, kRows, a.width, q);
  for (int e = lane; e < value_width; e += kLanes) y[row * (value_width + 1) + e] = T(0);
  T most = -static_cast<T>(INFINITY), sum = T(0);
  const std::int64_t end = keys_seen(a, at.first + kRows);
  for (std::int64_t from = 0; from < end; from += keys) {
    __syncthreads();
    load_rows(a.k, a.k_at, at.batch, kv, from, a.keys, keys, a.width, k);
    load_rows(a.v, a.v_at, at.batch, kv, from, a.keys, keys, a.value_width, v);
    __syncthreads();
    const T largest = Largest()(
        most, score_tile(a, at, q + row * (width + 1), k, from, keys, p + row * (keys + 1)));
    T added = T(0);
    for (int j = lane; j < keys; j += kLanes) {
      T& w = p[row * (keys + 1) + j];
      w = weight_of(w, largest);
      added += w;
    }
    const T kept = weight_of(most, largest);
    sum = sum * kept + row_all(added, Sum());
    most = largest;
    __syncwarp();  // a row of weights is read by the lanes that share it, all of one warp
    for (int e = lane; e < value_width; e += kLanes) {
      T to = y[row * (value_width + 1) + e] * kept;
      for (int j = 0; j < keys; ++j) to += p[row * (keys + 1) + j] * v[j * (value_width + 1) + e];
      y[row * (value_width + 1) + e] = to;
    }
  }
  if (at.mine() >= a.queries) return;
  T* const out = row_of<T>(a.y, a.y_at, at.batch, at.head, at.mine());
  for (int e = lane; e < value_width; e += kLanes) {
    out[e] = sum == T(0) ? T(0) : y[row * (value_width + 1) + e] / sum;
  }
}

// What the gradients need to know of a query: maximum and sum of its weights, and sum_j p_ij dp_ij.
template <class T>
struct RowStatistics {
  T most, sum, mean;
};

// Gradients of a tile of queries, in two passes over the keys; leaves the statistics behind.
template <class T>
__global__ void __launch_bounds__(kBlock)
    attend_grad_queries(AttentionGradArgs a, std::int64_t tiles, int keys, RowStatistics<T>* rows) {
  INGRAD_DYNAMIC_SHARED(T, memory);
  const int width = static_cast<int>(a.width), value_width = static_cast<int>(a.value_width);
  T* const q = memory;                           // [kRows][width + 1]
  T* const dy = q + kRows * (width + 1);         // [kRows][value_width + 1]
  T* const dq = dy + kRows * (value_width + 1);  // [kRows][width + 1]
  T* const ds = dq + kRows * (width + 1);        // [kRows][keys + 1]
  T* const k = ds + kRows * (keys + 1);          // [keys][width + 1]
  T* const v = k + keys * (width + 1);           // [keys][value_width + 1]
  const Place at = Place::of(a.heads, tiles);
  const std::int64_t kv = at.head / (a.heads / a.kv_heads);
  const int row = at.row, lane = at.lane;
  load_rows(a.q, a.q_at, at.batch, at.head, at.first, a.queries, kRows, a.width, q);
  load_rows(a.dy, a.y_at, at.batch, at.head, at.first, a.queries, kRows, a.value_width, dy);
  for (int e = lane; e < width; e += kLanes) dq[row * (width + 1) + e] = T(0);
  RowStatistics<T> r{-static_cast<T>(INFINITY), T(0), T(0)};
  const std::int64_t end = keys_seen(a, at.first + kRows);
  for (int pass = 0; pass < 2; ++pass) {
    for (std::int64_t from = 0; from < end; from += keys) {
      __syncthreads();
      load_rows(a.k, a.k_at, at.batch, kv, from, a.keys, keys, a.width, k);
      load_rows(a.v, a.v_at, at.batch, kv, from, a.keys, keys, a.value_width, v);
      __syncthreads();
      if (pass == 0) {
        const T largest = Largest()(
            r.most, score_tile(a, at, q + row * (width + 1), k, from, keys, ds + row * (keys + 1)));
        T sum = T(0), mean = T(0);
        for (int j = lane; j < keys; j += kLanes) {
          const T w = weight_of(ds[row * (keys + 1) + j], largest);
          sum += w;
          if (w != T(0)) {
            mean += w * dot(dy + row * (value_width + 1), v + j * (value_width + 1), value_width);
          }
        }
        const T kept = weight_of(r.most, largest);
        r = {largest, r.sum * kept + row_all(sum, Sum()), r.mean * kept + row_all(mean, Sum())};
      } else {
        for (int j = lane; j < keys; j += kLanes) {
          const T s = score(a, q + row * (width + 1), k + j * (width + 1), at.batch, at.head,
                            at.mine(), from + j);
          const T w = r.sum == T(0) ? T(0) : weight_of(s, r.most) / r.sum;
          ds[row * (keys + 1) + j] =
              w == T(0)
                  ? T(0)
                  : w * (dot(dy + row * (value_width + 1), v + j * (value_width + 1), value_width) -
                         r.mean);
        }
        __syncwarp();
        for (int e = lane; e < width; e += kLanes) {
          T sum = dq[row * (width + 1) + e];
          for (int j = 0; j < keys; ++j) sum += ds[row * (keys + 1) + j] * k[j * (width + 1) + e];
          dq[row * (width + 1) + e] = sum;
        }
      }
    }
    if (pass == 0) r.mean = r.sum == T(0) ? T(0) : r.mean / r.sum;
  }
  if (at.mine() >= a.queries) return;
  if (lane == 0) rows[(at.batch * a.heads + at.head) * a.queries + at.mine()] = r;
  T* const out = row_of<T>(a.dq, a.dq_at, at.batch, at.head, at.mine());
  for (int e = lane; e < width; e += kLanes) {
    out[e] = static_cast<T>(a.scale) * dq[row * (width + 1) + e];
  }
}

// Gradients of a tile of keys and values: rows of the block are keys, tiles of queries go by.
template <class T>
__global__ void __launch_bounds__(kBlock)
    attend_grad_keys(AttentionGradArgs a, std::int64_t tiles, int queries,
                     const RowStatistics<T>* rows) {
  INGRAD_DYNAMIC_SHARED(T, memory);
  const int width = static_cast<int>(a.width), value_width = static_cast<int>(a.value_width);
  T* const k = memory;                          // [kRows][width + 1]
  T* const v = k + kRows * (width + 1);         // [kRows][value_width + 1]
  T* const dk = v + kRows * (value_width + 1);  // [kRows][width + 1]
  T* const dv = dk + kRows * (width + 1);       // [kRows][value_width + 1]
  T* const p = dv + kRows * (value_width + 1);  // [kRows][queries + 1]
  T* const ds = p + kRows * (queries + 1);      // likewise
  T* const q = ds + kRows * (queries + 1);      // [queries][width + 1]
  T* const dy = q + queries * (width + 1);      // [queries][value_width + 1]
  const Place at = Place::of(a.kv_heads, tiles);
  const std::int64_t group = a.heads / a.kv_heads;
  const int row = at.row, lane = at.lane;
  load_rows(a.k, a.k_at, at.batch, at.head, at.first, a.keys, kRows, a.width, k);
  load_rows(a.v, a.v_at, at.batch, at.head, at.first, a.keys, kRows, a.value_width, v);
  for (int e = lane; e < width; e += kLanes) dk[row * (width + 1) + e] = T(0);
  for (int e = lane; e < value_width; e += kLanes) dv[row * (value_width + 1) + e] = T(0);
  for (std::int64_t head = at.head * group; head < (at.head + 1) * group; ++head) {
    for (std::int64_t from = a.causal ? at.first / queries * queries : 0; from < a.queries;
         from += queries) {
      __syncthreads();
      load_rows(a.q, a.q_at, at.batch, head, from, a.queries, queries, a.width, q);
      load_rows(a.dy, a.y_at, at.batch, head, from, a.queries, queries, a.value_width, dy);
      __syncthreads();
      for (int c = lane; c < queries; c += kLanes) {
        const std::int64_t i = from + c;
        T w = T(0), d = T(0);
        if (i < a.queries) {
          const RowStatistics<T> r = rows[(at.batch * a.heads + head) * a.queries + i];
          const T s =
              score(a, q + c * (width + 1), k + row * (width + 1), at.batch, head, i, at.mine());
          if (r.sum != T(0)) w = weight_of(s, r.most) / r.sum;
          if (w != T(0)) {
            d = w * (dot(dy + c * (value_width + 1), v + row * (value_width + 1), value_width) -
                     r.mean);
          }
        }
        p[row * (queries + 1) + c] = w;
        ds[row * (queries + 1) + c] = d;
      }
      __syncwarp();
      for (int e = lane; e < width; e += kLanes) {
        T sum = dk[row * (width + 1) + e];
        for (int c = 0; c < queries; ++c)
          sum += ds[row * (queries + 1) + c] * q[c * (width + 1) + e];
        dk[row * (width + 1) + e] = sum;
      }
      for (int e = lane; e < value_width; e += kLanes) {
        T sum = dv[row * (value_width + 1) + e];
        for (int c = 0; c < queries; ++c) {
          sum += p[row * (queries + 1) + c] * dy[c * (value_width + 1) + e];
        }
        dv[row * (value_width + 1) + e] = sum;
      }
    }
  }
  if (at.mine() >= a.keys) return;
  T* const to_k = row_of<T>(a.dk, a.dk_at, at.batch, at.head, at.mine());
  for (int e = lane; e < width; e += kLanes) {
    to_k[e] = static_cast<T>(a.scale) * dk[row * (width + 1) + e];
  }
  T* const to_v = row_of<T>(a.dv, a.dv_at, at.batch, at.head, at.mine());
  for (int e = lane; e < value_width; e += kLanes) to_v[e] = dv[row * (value_width + 1) + e];
}

// Elements of shared memory: `fixed` and `each` for every row of the tile that goes by, whose
// height is as large as fits, at least 16.
struct Tile {
  int height;
  std::size_t bytes;
  static Tile of(std::size_t fixed, std::size_t each, std::size_t element) {
    int height = 64;
    while (height > 16 &&
           (fixed + each * static_cast<std::size_t>(height)) * element > kSharedBytes) {
      height /= 2;
    }
    return {height, (fixed + each * static_cast<std::size_t>(height)) * element};
  }
};

template <class T>
void run(const AttentionArgs& a, Range) {
  const auto w = static_cast<std::size_t>(a.width + 1),
             u = static_cast<std::size_t>(a.value_width + 1);
  const Tile tile = Tile::of(kRows * (w + u + 1), kRows + w + u, sizeof(T));
  const std::int64_t tiles = blocks_for(a.queries, kRows);
  launch(attend<T>, static_cast<unsigned>(a.batch * a.heads * tiles), kBlock, tile.bytes, a, tiles,
         tile.height);
}

template <class T>
void run_grad(const AttentionGradArgs& a, Range) {
  const auto w = static_cast<std::size_t>(a.width + 1),
             u = static_cast<std::size_t>(a.value_width + 1);
  auto* const rows = static_cast<RowStatistics<T>*>(device_scratch(
      a.batch * a.heads * a.queries * static_cast<std::int64_t>(sizeof(RowStatistics<T>))));
  const Tile of_queries = Tile::of(kRows * (2 * w + u + 1), kRows + w + u, sizeof(T));
  const std::int64_t query_tiles = blocks_for(a.queries, kRows);
  launch(attend_grad_queries<T>, static_cast<unsigned>(a.batch * a.heads * query_tiles), kBlock,
         of_queries.bytes, a, query_tiles, of_queries.height, rows);
  const Tile of_keys = Tile::of(kRows * (2 * w + 2 * u + 2), 2 * kRows + w + u, sizeof(T));
  const std::int64_t key_tiles = blocks_for(a.keys, kRows);
  launch(attend_grad_keys<T>, static_cast<unsigned>(a.batch * a.kv_heads * key_tiles), kBlock,
         of_keys.bytes, a, key_tiles, of_keys.height, rows);
}

}  // namespace

void install_attention() {
  install_floats(attention, run<float>, run<double>);
  install_floats(attention_grad, run_grad<float>, run_grad<double>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
