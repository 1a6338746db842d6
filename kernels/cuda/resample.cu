// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample.h"

#include "kernels/bits.h"
#include "kernels/cuda/install.h"

namespace ingrad::kernels::INGRAD_DEVICE {
namespace {

// The table where kernels can read it.
struct DeviceAxis {
  const std::int64_t* offset;
  const std::int64_t* index;
  const double* weight;
  std::int64_t in, out;

  static DeviceAxis of(const AxisTable& m) {
    const auto entries = static_cast<std::int64_t>(m.index.size());
    // An empty table has no address; nothing is read there.
    return {device_table(m.offset.data(), m.out + 1),
            entries > 0 ? device_table(m.index.data(), entries) : nullptr,
            entries > 0 ? device_table(m.weight.data(), entries) : nullptr, m.in, m.out};
  }
};

template <class T>
void run(const ResampleArgs& a, Range) {
  const DeviceAxis m = DeviceAxis::of(*a.table);
  launch_each(a.outer * m.out * a.inner, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t i = e % a.inner, j = e / a.inner % m.out, o = e / a.inner / m.out;
    T sum = T(0);
    for (std::int64_t t = m.offset[j]; t < m.offset[j + 1]; ++t) {
      sum += static_cast<T>(m.weight[t]) *
             static_cast<const T*>(a.src)[(o * m.in + m.index[t]) * a.inner + i];
    }
    static_cast<T*>(a.dst)[e] = sum;
  });
}

template <class Bits>
void run_move(const ResampleArgs& a, Range) {
  using T = typename Bits::type;
  const DeviceAxis m = DeviceAxis::of(*a.table);
  launch_each(a.outer * m.out * a.inner, INGRAD_LAMBDA(std::int64_t e) {
    const std::int64_t i = e % a.inner, j = e / a.inner % m.out, o = e / a.inner / m.out;
    T value = 0;
    for (std::int64_t t = m.offset[j]; t < m.offset[j + 1]; ++t) {
      value = static_cast<const T*>(a.src)[(o * m.in + m.index[t]) * a.inner + i];
    }
    static_cast<T*>(a.dst)[e] = value;
  });
}

}  // namespace

void install_resample() {
  install_floats(resample, run<float>, run<double>);
  for (const DType t : {DType::bf16, DType::f16}) resample.install(t, run_move<Bits16>);
  for (const DType t : {DType::u8, DType::boolean}) resample.install(t, run_move<Bits8>);
  resample.install(DType::i32, run_move<Bits32>);
  resample.install(DType::i64, run_move<Bits64>);
}

}  // namespace ingrad::kernels::INGRAD_DEVICE
