// SPDX-License-Identifier: Apache-2.0
// Running kernels on threads. Work is split into contiguous ranges; kernels guarantee that the
// split does not change their results.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "engine/kernel_recorder.h"
#include "engine/spec.h"
#include "kernels/kernel.h"

namespace ingrad {

// Threads that kernels may use; at start OMP_NUM_THREADS or the number of cores. n <= 0 restores
// that default. A kernel that is called from within a parallel region runs on the calling thread.
void set_threads(int n);
int threads();
// A thread joins only where it gets at least this many element operations; tests make it 1, so that
// small work is split too. cost <= 0 restores the default.
void set_min_cost_per_thread(std::int64_t cost);

// Is the caller one of the threads of an OpenMP region, so that work had better stay on it?
bool in_parallel_region();
// On how many threads a kernel of that many units and cost (see below) runs.
int threads_for(std::int64_t units, std::int64_t cost);
// Calls body(context, range) over [0, units) in contiguous ranges, with `scratch_bytes` of working
// memory per thread. `cost` is about the number of element operations of the whole.
void parallel_ranges(std::int64_t units, std::int64_t cost, std::int64_t scratch_bytes,
                     void (*body)(const void* context, kernels::Range range), const void* context);

// Error naming kernel, dtype and back end.
[[noreturn]] void fail_unsupported(std::string_view kernel, DType dtype, kernels::Backend backend,
                                   Location where);

// As a kernel of a family (its struct names its pointers): runs `fn` over [0, units), or notes it
// down where a recorder is active. `cost`: of all units.
template <class Args>
void run_ranges(void (*fn)(const Args&, kernels::Range), const Args& args, std::int64_t units,
                std::int64_t cost, std::int64_t scratch_bytes,
                const kernels::FamilyBase* family = nullptr, DType dtype = DType::f32) {
  static_assert(std::is_trivially_copyable_v<Args>);
  if (units <= 0) return;
  if (KernelRecorder* const recorder = KernelRecorder::active()) {
    Args copy = args;
    std::array<std::size_t, kernels::kMaxOperandPointers> operands{};
    std::size_t count = 0;
    copy.for_each_operand([&](auto& pointer) {
      if (pointer == nullptr) return;
      operands.at(count++) = static_cast<std::size_t>(reinterpret_cast<const char*>(&pointer) -
                                                      reinterpret_cast<const char*>(&copy));
    });
    const auto keep = [&](auto& table, std::int64_t n) {
      using Element = std::remove_reference_t<decltype(*table)>;
      if (table != nullptr) {
        table = static_cast<Element*>(
            recorder->keep(table, static_cast<std::size_t>(n) * sizeof(Element)));
      }
    };
    if constexpr (requires { copy.for_each_table(keep); }) copy.for_each_table(keep);
    recorder->record({[](void (*f)(), const void* a, kernels::Range range) {
                        reinterpret_cast<void (*)(const Args&, kernels::Range)>(f)(
                            *static_cast<const Args*>(a), range);
                      },
                      reinterpret_cast<void (*)()>(fn), &copy, sizeof(Args), units, cost,
                      scratch_bytes, std::span(operands).first(count), family, dtype});
    return;
  }
  struct Call {
    void (*fn)(const Args&, kernels::Range);
    const Args* args;
  };
  const Call call{fn, &args};
  parallel_ranges(
      units, cost, scratch_bytes,
      [](const void* context, kernels::Range range) {
        const Call& c = *static_cast<const Call*>(context);
        c.fn(*c.args, range);
      },
      &call);
}

template <class Args>
void run_kernel(const kernels::Family<Args>& family, kernels::Backend backend, DType dtype,
                const Args& args, Location where = Location::current()) {
  const auto fn = family.at(backend, dtype);
  if (fn == nullptr) fail_unsupported(family.name(), dtype, backend, where);
  const std::int64_t units = family.units(args);
  run_ranges(fn, args, units, units * family.unit_cost(args), family.scratch_bytes(args), &family,
             dtype);
}

}  // namespace ingrad
