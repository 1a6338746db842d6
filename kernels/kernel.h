// SPDX-License-Identifier: Apache-2.0
// What every kernel shares: element types, ranges of work, back ends, and the table that maps
// (kernel, dtype, back end) to a function. Kernels are free functions on plain argument structs:
// no tensors, no allocation, no error path. Whatever can fail is decided by the caller beforehand.
// A struct tells its pointers apart: for_each_operand(f) calls f on each that leads to elements,
// for_each_table(f), if any, f(pointer, count) on each that leads to a table in host memory.
// Pointers to operands are never null, even where there is nothing to read, unless a contract says
// so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ingrad::kernels {

enum class DType : std::uint8_t { f32, f64, bf16, f16, i32, i64, u8, boolean, mask };
inline constexpr int kDTypeCount = 9;

// Bytes of one element; 0 for `mask`, which packs eight elements to the byte.
constexpr std::size_t size_of(DType t) {
  constexpr std::array<std::size_t, kDTypeCount> kSize = {4, 8, 2, 2, 4, 8, 1, 1, 0};
  return kSize[static_cast<std::size_t>(t)];
}
std::string_view name_of(DType t);

inline constexpr int kMaxRank = 8;
inline constexpr int kMaxOperandPointers = 24;  // of an argument struct

// Half-open interval of independent work units. A kernel's result for one unit never depends on
// how the units are split into ranges: this is what makes results equal for any thread count.
// `scratch`: the calling thread's working memory, 64-byte aligned, Family::scratch_bytes long.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  void* scratch = nullptr;
};

// `reference`: plain loops in double (and exact integers), the oracle of the tests.
// `cpu`: Highway SIMD. `cuda`: kernels of a device library (kernels/device.h); one call does all
// work units whatever the range, and returns before they are done.
enum class Backend : std::uint8_t { reference, cpu, cuda };
inline constexpr int kBackendCount = 3;

// Erased view of a kernel family for listings and completeness tests.
class FamilyBase {
 public:
  constexpr explicit FamilyBase(std::string_view name) : name_(name) {}
  virtual ~FamilyBase() = default;
  std::string_view name() const { return name_; }
  virtual bool has(Backend b, DType t) const = 0;

 private:
  std::string_view name_;
};

// One computation with its functions per back end and dtype.
// `units(args)`: number of independent work units; `unit_cost(args)`: about how many element
// operations one unit takes, from which the caller chooses how finely to split among threads;
// `scratch(args)`: bytes of working memory that each thread needs (null: none).
template <class Args>
class Family : public FamilyBase {
 public:
  using Fn = void (*)(const Args&, Range);
  using Measure = std::int64_t (*)(const Args&);
  struct Entry {
    Backend backend;
    DType dtype;
    Fn fn;
  };

  // Constant: programs may make tensors before main().
  constexpr Family(std::string_view name, Measure units_of, Measure cost_of, Measure scratch_of,
         std::initializer_list<Entry> entries)
      : FamilyBase(name), units_(units_of), unit_cost_(cost_of), scratch_(scratch_of) {
    for (const Entry& e : entries) table_[slot(e.backend, e.dtype)] = e.fn;
  }

  Fn at(Backend b, DType t) const { return table_[slot(b, t)]; }
  bool has(Backend b, DType t) const override { return at(b, t) != nullptr; }
  // Adds the function of a device; once, before the device is used (kernels/device.h).
  void install(DType t, Fn fn) const { table_[slot(Backend::cuda, t)] = fn; }
  std::int64_t units(const Args& a) const { return units_(a); }
  std::int64_t unit_cost(const Args& a) const { return unit_cost_(a); }
  std::int64_t scratch_bytes(const Args& a) const { return scratch_ ? scratch_(a) : 0; }

 private:
  static constexpr std::size_t slot(Backend b, DType t) {
    return static_cast<std::size_t>(b) * kDTypeCount + static_cast<std::size_t>(t);
  }
  Measure units_;
  Measure unit_cost_;
  Measure scratch_;
  mutable std::array<Fn, kBackendCount * kDTypeCount> table_{};
};

// Every kernel family of the library, for listings and tests.
std::span<const FamilyBase* const> all_families();

// ---- instruction sets -------------------------------------------------------------------------
// Names, weakest first: "sse4", "avx2", "avx512" (on Arm: "neon"). The best one that the machine
// has is chosen at first use; INGRAD_ISA or force_isa selects a weaker one.
std::span<const std::string_view> supported_isas();
std::string_view active_isa();
// Selects `name`, or the best for "auto". Returns false (and changes nothing) when the machine or
// the build lacks it. Not to be called while kernels run.
bool force_isa(std::string_view name);

}  // namespace ingrad::kernels
