// SPDX-License-Identifier: Apache-2.0
// A warp computes some rows through all layers and back: activations stay in shared memory, gates
// are bits, and only the weights come from outside, once per block where they fit, else strip by
// strip. Every sum runs over its terms in order, whatever the number of rows.
#include "kernels/mlp_gradient.h"

#include "kernels/cuda/block.cuh"
#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

constexpr int kWarps = static_cast<int>(kBlock / kWarp);
constexpr int kStrip = 32;                       // terms of a sum at a time
constexpr int kWords = kMlpMostWidth / kWarp;    // of gates per row
constexpr std::size_t kMostResident = 96 * 1024;  // bytes of weights

__device__ __host__ constexpr int padded(std::int64_t n) { return static_cast<int>((n + 3) / 4 * 4); }

// Where things are in shared memory, in floats.
struct MlpLayout {
  int pitch;      // of rows of activations
  int weights;    // where they begin
  bool resident;  // all of them, layer after layer; else room for a strip
  std::size_t bytes;

  // W_l lies as [padded(outputs)][padded(inputs) + 1], zero where there is nothing: both directions
  // read it without bank conflicts, four terms at a time.
  __device__ __host__ static int layer_floats(const MlpGradientArgs& a, int l) {
    return padded(a.width[l + 1]) * (padded(a.width[l]) + 1);
  }
  static MlpLayout of(const MlpGradientArgs& a, int rows) {
    MlpLayout m{};
    int all = 0, strip = 0;
    for (int l = 0; l + 1 < a.layers; ++l) {
      const int in = padded(a.width[static_cast<std::size_t>(l)]);
      const int out = padded(a.width[static_cast<std::size_t>(l) + 1]);
      m.pitch = std::max({m.pitch, in, out});
      all += layer_floats(a, l);
      strip = std::max({strip, out * (kStrip + 1), kStrip * (in + 1)});
    }
    m.resident = static_cast<std::size_t>(all) * sizeof(float) <= kMostResident;
    m.weights = 2 * rows * m.pitch + (a.layers - 1) * rows * kWords;
    m.bytes = static_cast<std::size_t>(m.weights + (m.resident ? all : strip)) * sizeof(float);
    return m;
  }
};

// Rows [first_out, + outs) and columns [first_in, + ins) of W_l into `to`, rows `pitch` apart.
__device__ inline void load_weights(const MlpGradientArgs& a, int l, int first_out, int outs,
                                    int first_in, int ins, int pitch, float* to) {
  const float* const w = static_cast<const float*>(a.weight[l]);
  const int width = static_cast<int>(a.width[l]), height = static_cast<int>(a.width[l + 1]);
  for (int e = static_cast<int>(threadIdx.x); e < outs * ins; e += static_cast<int>(kBlock)) {
    const int o = e / ins, i = e % ins;
    const bool inside = first_out + o < height && first_in + i < width;
    to[o * pitch + i] = inside ? w[(first_out + o) * width + first_in + i] : 0.0f;
  }
}

// sum[r][j] += sum over p < terms of in[r][p] * w(p, lane + 32 j), four terms at a time; w has the
// steps given for p and for columns, of which there are `columns`, padded.
template <int kRows, int kColumns>
__device__ inline void add_terms(const float* in, int pitch, int terms, const float* w, int w_term,
                                 int w_column, int columns, float (&sum)[kRows][kColumns]) {
  const int lane = static_cast<int>(threadIdx.x % kWarp);
  int at[kColumns];
  INGRAD_UNROLL
  for (int j = 0; j < kColumns; ++j) {
    const int column = lane + static_cast<int>(kWarp) * j;
    at[j] = (column < columns ? column : columns - 1) * w_column;
  }
  for (int p = 0; p < terms; p += 4) {
    float4 x[kRows];
    INGRAD_UNROLL
    for (int r = 0; r < kRows; ++r) x[r] = *reinterpret_cast<const float4*>(in + r * pitch + p);
    INGRAD_UNROLL
    for (int j = 0; j < kColumns; ++j) {
      const float* const from = w + at[j] + p * w_term;
      const float w0 = from[0], w1 = from[w_term], w2 = from[2 * w_term], w3 = from[3 * w_term];
      INGRAD_UNROLL
      for (int r = 0; r < kRows; ++r) {
        sum[r][j] += x[r].x * w0;
        sum[r][j] += x[r].y * w1;
        sum[r][j] += x[r].z * w2;
        sum[r][j] += x[r].w * w3;
      }
    }
  }
}

// kRows rows per warp, widths of at most 32 kColumns.
template <int kRows, int kColumns>
__global__ void __launch_bounds__(kBlock) mlp_rows(MlpGradientArgs a, MlpLayout m) {
  INGRAD_DYNAMIC_SHARED(float, memory);
  constexpr int kBlockRows = kWarps * kRows;
  const int warp = static_cast<int>(threadIdx.x / kWarp), lane = static_cast<int>(threadIdx.x % kWarp);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kBlockRows + warp * kRows;
  float* in = memory + warp * kRows * m.pitch;
  float* out = in + kBlockRows * m.pitch;
  auto* const gates = reinterpret_cast<unsigned*>(memory + 2 * kBlockRows * m.pitch) +
                      warp * kRows * kWords;  // layers kBlockRows * kWords apart
  float* const weights = memory + m.weights;

  if (m.resident) {
    float* to = weights;
    for (int l = 0; l + 1 < a.layers; ++l) {
      const int ins = padded(a.width[l]);
      load_weights(a, l, 0, padded(a.width[l + 1]), 0, ins, ins + 1, to);
      to += MlpLayout::layer_floats(a, l);
    }
  }
  const auto row_exists = [&](int r) { return first + r < a.rows; };
  const int width0 = static_cast<int>(a.width[0]);
  for (int r = 0; r < kRows; ++r) {
    for (int i = lane; i < padded(width0); i += static_cast<int>(kWarp)) {
      in[r * m.pitch + i] = row_exists(r) && i < width0
                                ? static_cast<const float*>(a.x)[(first + r) * width0 + i]
                                : 0.0f;
    }
  }
  __syncthreads();

  // One layer, forward or back: terms and columns change places.
  float sum[kRows][kColumns];
  const auto multiply = [&](int l, const float* layer_weights, bool forward) {
    const int ins = padded(a.width[l]), outs = padded(a.width[l + 1]);
    const int terms = forward ? ins : outs, columns = forward ? outs : ins;
    INGRAD_UNROLL
    for (int r = 0; r < kRows; ++r) {
      INGRAD_UNROLL
      for (int j = 0; j < kColumns; ++j) sum[r][j] = 0.0f;
    }
    if (m.resident) {
      add_terms<kRows, kColumns>(in, m.pitch, terms, layer_weights, forward ? 1 : ins + 1,
                                 forward ? ins + 1 : 1, columns, sum);
      return;
    }
    for (int p = 0; p < terms; p += kStrip) {
      const int some = terms - p < kStrip ? terms - p : kStrip;
      __syncthreads();
      if (forward) {
        load_weights(a, l, 0, outs, p, some, kStrip + 1, weights);
      } else {
        load_weights(a, l, p, some, 0, ins, ins + 1, weights);
      }
      __syncthreads();
      add_terms<kRows, kColumns>(in + p, m.pitch, some, weights, forward ? 1 : ins + 1,
                                 forward ? kStrip + 1 : 1, columns, sum);
    }
  };

  const float* layer_weights = weights;
  for (int l = 0; l + 1 < a.layers; ++l) {
    multiply(l, layer_weights, true);
    const float* const bias = static_cast<const float*>(a.bias[l]);
    const int width = static_cast<int>(a.width[l + 1]);
    INGRAD_UNROLL
    for (int r = 0; r < kRows; ++r) {
      INGRAD_UNROLL
      for (int j = 0; j < kColumns; ++j) {
        const int column = lane + static_cast<int>(kWarp) * j;
        const float h = column < width ? sum[r][j] + (bias ? bias[column] : 0.0f) : 0.0f;
        const unsigned word = __ballot_sync(0xffffffffu, h > 0.0f);
        if (lane == 0) gates[(l * kBlockRows + r) * kWords + j] = word;
        if (column < padded(width)) out[r * m.pitch + column] = h <= 0.0f ? 0.0f : h;
      }
    }
    __syncwarp();
    layer_weights += MlpLayout::layer_floats(a, l);
    float* const before = in;
    in = out;
    out = before;
  }

  // The rows of the last weights that the indices choose, through the last gate.
  const int last = a.layers - 1, width = static_cast<int>(a.width[last]);
  const auto open = [&](int l, int r, int column) {
    return (gates[(l * kBlockRows + r) * kWords + column / static_cast<int>(kWarp)] >>
                (column % static_cast<int>(kWarp)) & 1u) != 0;
  };
  for (int r = 0; r < kRows; ++r) {
    const std::int64_t index = row_exists(r) ? a.index[first + r] : -1;
    const bool inside = index >= 0 && index < a.width[a.layers];
    for (int c = lane; c < padded(width); c += static_cast<int>(kWarp)) {
      in[r * m.pitch + c] = inside && c < width && open(last - 1, r, c)
                                ? static_cast<const float*>(a.weight[last])[index * width + c]
                                : 0.0f;
    }
  }
  __syncwarp();
  for (int l = last - 1; l >= 0; --l) {
    layer_weights -= MlpLayout::layer_floats(a, l);
    multiply(l, layer_weights, false);
    const int below = static_cast<int>(a.width[l]);
    INGRAD_UNROLL
    for (int r = 0; r < kRows; ++r) {
      INGRAD_UNROLL
      for (int j = 0; j < kColumns; ++j) {
        const int column = lane + static_cast<int>(kWarp) * j;
        if (l > 0) {
          if (column < padded(below)) {
            out[r * m.pitch + column] =
                column < below && open(l - 1, r, column) ? sum[r][j] : 0.0f;
          }
        } else if (row_exists(r) && column < below) {
          static_cast<float*>(a.dx)[(first + r) * below + column] = sum[r][j];
        }
      }
    }
    __syncwarp();
    float* const before = in;
    in = out;
    out = before;
  }
}

template <int kRows, int kColumns>
void launch_rows(const MlpGradientArgs& a) {
  constexpr int kBlockRows = kWarps * kRows;
  const MlpLayout m = MlpLayout::of(a, kBlockRows);
  launch(mlp_rows<kRows, kColumns>, blocks_for(a.rows, kBlockRows), kBlock, m.bytes, a, m);
}

template <int kColumns>
void launch_widths(const MlpGradientArgs& a) {
  constexpr std::int64_t kFewRows = 2048;  // that would leave multiprocessors idle, four to a warp
  if (a.rows <= kFewRows) {
    launch_rows<1, kColumns>(a);
  } else {
    launch_rows<4, kColumns>(a);
  }
}

void run(const MlpGradientArgs& a, Range) {
  std::int64_t width = 0;
  for (int l = 0; l < a.layers; ++l) width = std::max(width, a.width[static_cast<std::size_t>(l)]);
  if (width <= 64) {
    launch_widths<2>(a);
  } else if (width <= 128) {
    launch_widths<4>(a);
  } else {
    launch_widths<8>(a);
  }
}

}  // namespace

void install_mlp_gradient() { mlp_gradient.install(DType::f32, run); }

}  // namespace ingrad::kernels::INGRAD_DEVICE
