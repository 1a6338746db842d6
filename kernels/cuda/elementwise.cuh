// SPDX-License-Identifier: Apache-2.0
// One kernel per elementwise function, derivative and compute type. What `find_tile` gives for the
// device is such a kernel's launcher, in the guise of a TileFn: never to be called as one.
#pragma once

#include "kernels/cuda/lane.cuh"
#include "kernels/cuda/storage.cuh"
#include "kernels/elementwise.h"
#include "kernels/expr-list.h"

namespace ingrad::kernels::INGRAD_DEVICE {

using ElementwiseLauncher = void (*)(const ElementwiseArgs& a);

// Where output element i finds its operands.
struct ElementwiseOffsets {
  std::int64_t at[kMaxOperands];

  template <class Index>  // 32 bits where they suffice: divisions by 64 cost several times more
  __device__ static ElementwiseOffsets of(const ElementwiseArgs& a, Index i) {
    ElementwiseOffsets o = {};
    for (int axis = a.rank - 1; axis >= 0; --axis) {
      const Index size = static_cast<Index>(a.size[axis]), here = i % size;
      i /= size;
      for (int k = 0; k < a.operands; ++k) {
        o.at[k] += static_cast<std::int64_t>(here) * a.in[k].stride[axis];
      }
    }
    return o;
  }
};

// The value, or for kDerivative >= 0 the derivative times x[0].
template <class F, int kDerivative, class T>
__device__ inline T elementwise_value(const T* x, const double* parameters) {
  if constexpr (std::is_integral_v<T>) {
    Integer in[F::kArity];
    for (int k = 0; k < F::kArity; ++k) in[k] = Integer::of(x[k]);
    return F::call(in, parameters).v;
  } else if constexpr (kDerivative < 0) {
    Lane<T> in[F::kArity];
    for (int k = 0; k < F::kArity; ++k) in[k] = lane_of<T>(x[k]);
    return F::call(in, parameters).v;
  } else {
    Dual<Lane<T>> in[F::kArity];
    for (int k = 0; k < F::kArity; ++k) {
      in[k] = Dual<Lane<T>>(lane_of<T>(x[k + 1]), Lane<T>(k == kDerivative ? 1.0 : 0.0));
    }
    return (lane_of<T>(x[0]) * F::call(in, parameters).d).v;
  }
}

template <class T>
struct alignas(16) Quad {
  T v[4];
};

inline std::int64_t outputs_of(const ElementwiseArgs& a) {
  std::int64_t n = 1;
  for (int i = 0; i < a.rank; ++i) n *= a.size[i];
  return n;
}

// Are all operands arrays of the compute type that lie as the output does, on 16 bytes?
inline bool is_dense(const ElementwiseArgs& a) {
  const auto aligned = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; };
  if (a.out_dtype != a.compute || !aligned(a.out)) return false;
  for (int k = 0; k < a.operands; ++k) {
    if (a.in[k].dtype != a.compute || !aligned(a.in[k].data)) return false;
    std::int64_t step = 1;
    for (int i = a.rank - 1; i >= 0; --i) {
      if (a.size[i] != 1 && a.in[k].stride[i] != step) return false;
      step *= a.size[i];
    }
  }
  return true;
}

template <class F, int kDerivative, class T>
void launch_elementwise(const ElementwiseArgs& a) {
  constexpr int kInputs = F::kArity + (kDerivative >= 0 ? 1 : 0);
  constexpr std::int64_t kQuad = 4;
  const std::int64_t n = outputs_of(a);
  const bool dense = is_dense(a), narrow = n <= 0x7fffffff;
  launch_each((n + kQuad - 1) / kQuad, INGRAD_LAMBDA(std::int64_t q) {
    const std::int64_t first = q * kQuad, count = n - first < kQuad ? n - first : kQuad;
    T x[kInputs];
    if (dense && count == kQuad) {
      Quad<T> in[kInputs], out;
      for (int k = 0; k < kInputs; ++k) in[k] = static_cast<const Quad<T>*>(a.in[k].data)[q];
      for (int i = 0; i < kQuad; ++i) {
        for (int k = 0; k < kInputs; ++k) x[k] = in[k].v[i];
        out.v[i] = elementwise_value<F, kDerivative, T>(x, a.parameters.data());
      }
      static_cast<Quad<T>*>(a.out)[q] = out;
      return;
    }
    for (std::int64_t i = first; i < first + count; ++i) {
      const ElementwiseOffsets o =
          narrow ? ElementwiseOffsets::of(a, static_cast<std::uint32_t>(i))
                 : ElementwiseOffsets::of(a, static_cast<std::uint64_t>(i));
      for (int k = 0; k < kInputs; ++k) x[k] = load_as<T>(a.in[k].data, a.in[k].dtype, o.at[k]);
      store_as(elementwise_value<F, kDerivative, T>(x, a.parameters.data()), a.out, a.out_dtype, i);
    }
  });
}

template <class F, int kDerivative, class T>
constexpr ElementwiseLauncher elementwise_launcher() {
  if constexpr (std::is_integral_v<T>) {
    if constexpr (F::kIntegers && kDerivative < 0) return &launch_elementwise<F, kDerivative, T>;
  } else if constexpr (kDerivative < F::kArity &&
                       (kDerivative < 0 || (F::kDifferentiable >> (kDerivative < 0 ? 0 : kDerivative) & 1u) != 0)) {
    return &launch_elementwise<F, kDerivative, T>;
  }
  return nullptr;
}

// [f32: value, derivatives; f64: likewise; i64: value]
struct ElementwiseEntry {
  ElementwiseLauncher of[9];
};
template <class F>
constexpr ElementwiseEntry elementwise_entry() {
  return {{elementwise_launcher<F, -1, float>(), elementwise_launcher<F, 0, float>(),
           elementwise_launcher<F, 1, float>(), elementwise_launcher<F, 2, float>(),
           elementwise_launcher<F, -1, double>(), elementwise_launcher<F, 0, double>(),
           elementwise_launcher<F, 1, double>(), elementwise_launcher<F, 2, double>(),
           elementwise_launcher<F, -1, std::int64_t>()}};
}

// The parts of the list in expr-list.h, each compiled in a file of its own.
const ElementwiseEntry* elementwise_arithmetic(int function);
const ElementwiseEntry* elementwise_math(int function);
const ElementwiseEntry* elementwise_activation(int function);

}  // namespace ingrad::kernels::INGRAD_DEVICE

// Defines one of them.
#define INGRAD_ELEMENTWISE_ENTRY(name, ...) elementwise_entry<Function_##name>(),
#define INGRAD_ELEMENTWISE_PART(function_name, list)                  \
  const ElementwiseEntry* function_name(int function) {               \
    static const ElementwiseEntry kEntries[] = {list(INGRAD_ELEMENTWISE_ENTRY)}; \
    return &kEntries[function];                                       \
  }
