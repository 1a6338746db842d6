// SPDX-License-Identifier: Apache-2.0
// Tests of device kernels on a GPU; without one, exit status 77: skipped. All memory comes from an
// arena that the GPU can reach, so that the tests of the kernels, whose operands are in host memory,
// run as they are.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>

#include "kernels/device.h"

namespace {

// Blocks of powers of two, kept in lists; the size stands before each block.
class Arena {
 public:
  static constexpr std::size_t kBytes = std::size_t{2} << 30;
  static constexpr std::size_t kHeader = 64;

  static Arena& instance() {
    alignas(Arena) static unsigned char memory[sizeof(Arena)];
    static Arena* const arena = new (memory) Arena;  // never destroyed
    return *arena;
  }
  void* take(std::size_t bytes) {
    const std::size_t size = std::bit_ceil(bytes + kHeader);
    const auto list = static_cast<std::size_t>(std::countr_zero(size));
    const std::lock_guard guard(lock_);
    Block* b = free_[list];
    if (b != nullptr) {
      free_[list] = b->next;
    } else {
      if (used_ + size > kBytes) return nullptr;
      b = reinterpret_cast<Block*>(begin_ + used_);
      used_ += size;
    }
    b->list = list;
    return reinterpret_cast<unsigned char*>(b) + kHeader;
  }
  void give(void* p) {
    auto* const b = reinterpret_cast<Block*>(static_cast<unsigned char*>(p) - kHeader);
    const std::lock_guard guard(lock_);
    b->next = free_[b->list];
    free_[b->list] = b;
  }
  void* begin() const { return begin_; }

 private:
  struct Block {
    std::size_t list;
    Block* next;
  };
  Arena()
      : begin_(static_cast<unsigned char*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                                0))) {
    if (begin_ == MAP_FAILED) std::abort();
  }
  std::mutex lock_;
  unsigned char* begin_;
  std::size_t used_ = 0;
  Block* free_[64] = {};
};

void* take(std::size_t bytes) {
  void* const p = Arena::instance().take(bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(std::size_t bytes) { return take(bytes); }
void* operator new[](std::size_t bytes) { return take(bytes); }
void operator delete(void* p) noexcept {
  if (p != nullptr) Arena::instance().give(p);
}
void operator delete[](void* p) noexcept { operator delete(p); }
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }
void operator delete[](void* p, std::size_t) noexcept { operator delete(p); }

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (::testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
  if (ingrad::kernels::device_library() == nullptr) {
    std::puts("no GPU: skipped");
    return 77;
  }
  const cudaError_t status =
      cudaHostRegister(Arena::instance().begin(), Arena::kBytes, cudaHostRegisterMapped);
  if (status != cudaSuccess) {
    std::printf("cudaHostRegister: %s\n", cudaGetErrorString(status));
    return 1;
  }
  return RUN_ALL_TESTS();
}
