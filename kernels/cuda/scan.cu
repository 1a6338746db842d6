// SPDX-License-Identifier: Apache-2.0
// Running sums: a block scans a line of neighbours piece by piece, a thread each of lines that lie
// across.
#include "kernels/scan.h"

#include <type_traits>

#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

// Hillis and Steele's scan (1986) of kBlock elements at a time.
template <class T, class Total>
__global__ void __launch_bounds__(kBlock) scan_line(CumsumArgs a) {
  INGRAD_SHARED(Total, sums, 2 * kBlock);
  const T* const x = static_cast<const T*>(a.x) + blockIdx.x * a.n;
  T* const y = static_cast<T*>(a.y) + blockIdx.x * a.n;
  Total before = Total(0);
  const int t = static_cast<int>(threadIdx.x);
  for (std::int64_t from = 0; from < a.n; from += kBlock) {
    const std::int64_t i = from + t, at = a.reverse ? a.n - 1 - i : i;
    int side = 0;
    sums[t] = i < a.n ? static_cast<Total>(x[at]) : Total(0);
    for (int step = 1; step < static_cast<int>(kBlock); step *= 2) {
      __syncthreads();
      const Total* const in = sums + side * static_cast<int>(kBlock);
      side ^= 1;
      sums[side * static_cast<int>(kBlock) + t] = t >= step ? in[t] + in[t - step] : in[t];
    }
    __syncthreads();
    const Total* const done = sums + side * static_cast<int>(kBlock);
    if (i < a.n) y[at] = static_cast<T>(before + done[t]);
    before += done[kBlock - 1];
    __syncthreads();
  }
}

template <class T, class Total>
void run(const CumsumArgs& a, Range) {
  constexpr std::int64_t kLong = 64;
  if (a.inner == 1 && a.n >= kLong) {
    launch(scan_line<T, Total>, static_cast<unsigned>(a.outer), kBlock, 0, a);
    return;
  }
  launch_each(a.outer * a.inner, INGRAD_LAMBDA(std::int64_t line) {
    Total sum = Total(0);
    for (std::int64_t i = 0; i < a.n; ++i) {
      const std::int64_t at =
          (line / a.inner * a.n + (a.reverse ? a.n - 1 - i : i)) * a.inner + line % a.inner;
      sum += static_cast<Total>(static_cast<const T*>(a.x)[at]);
      static_cast<T*>(a.y)[at] = static_cast<T>(sum);
    }
  });
}

}  // namespace

void install_scan() {
  install_floats(cumsum, run<float, double>, run<double, double>);
  cumsum.install(DType::i64, run<std::int64_t, std::uint64_t>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
