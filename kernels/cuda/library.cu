// SPDX-License-Identifier: Apache-2.0
// CUDA behind kernels/device.h: per device one stream, on which everything runs in order, and the
// driver's own stream-ordered pool, told to keep what is freed.
#include "kernels/cuda/library.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/cuda/install.h"
#include "kernels/cuda/vendor/install.h"

namespace ingrad::kernels::cuda {
namespace {

struct Device {
  int index = 0;
  cudaStream_t stream = nullptr;
  cudaMemPool_t pool = nullptr;
  std::mutex lock;  // of what follows
  std::map<std::string, void*> tables;
  std::vector<void*> scratch;  // the last is in use; recordings may hold the others
  std::int64_t scratch_bytes = 0;
  std::int64_t allocations = 0;
};

std::vector<std::unique_ptr<Device>> devices;

// Of the calling thread.
struct Context {
  Device* device = nullptr;
  cudaStream_t recording = nullptr;  // in place of the device's stream
  std::string error;
};
Context& context() {
  thread_local Context c;
  if (c.device == nullptr && !devices.empty()) c.device = devices.front().get();
  return c;
}

cudaStream_t private_stream() {
  thread_local cudaStream_t stream = [] {
    cudaStream_t s = nullptr;
    note(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    return s;
  }();
  return stream;
}

class Library final : public DeviceLibrary {
 public:
  std::string_view name() const override { return "cuda"; }
  int count() const override { return static_cast<int>(devices.size()); }
  std::string describe(int device) const override {
    cudaDeviceProp p{};
    if (cudaGetDeviceProperties(&p, device) != cudaSuccess) return "unknown";
    return std::string(p.name) + ", sm_" + std::to_string(p.major) + std::to_string(p.minor);
  }
  void select(int device) override {
    Context& c = context();
    c.device = devices[static_cast<std::size_t>(device)].get();
    note(cudaSetDevice(device), "cudaSetDevice");
  }

  void* allocate(std::int64_t bytes) override {
    Device& d = *context().device;
    void* p = nullptr;
    cudaError_t status = cudaMallocAsync(&p, static_cast<std::size_t>(bytes), d.stream);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      cudaStreamSynchronize(d.stream);
      trim();
      status = cudaMallocAsync(&p, static_cast<std::size_t>(bytes), d.stream);
      if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        return nullptr;
      }
    }
    note(status, "cudaMallocAsync");
    const std::lock_guard guard(d.lock);
    ++d.allocations;
    return p;
  }
  void release(int device, void* p) override {
    // May be asked for when the process ends and the driver is gone.
    cudaFreeAsync(p, devices[static_cast<std::size_t>(device)]->stream);
    cudaGetLastError();
  }
  DeviceMemory memory() override {
    Device& d = *context().device;
    DeviceMemory m;
    std::size_t free = 0, total = 0;
    note(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    std::uint64_t used = 0, high = 0, reserved = 0;
    note(cudaMemPoolGetAttribute(d.pool, cudaMemPoolAttrUsedMemCurrent, &used),
         "cudaMemPoolGetAttribute");
    note(cudaMemPoolGetAttribute(d.pool, cudaMemPoolAttrUsedMemHigh, &high),
         "cudaMemPoolGetAttribute");
    note(cudaMemPoolGetAttribute(d.pool, cudaMemPoolAttrReservedMemCurrent, &reserved),
         "cudaMemPoolGetAttribute");
    m.total = static_cast<std::int64_t>(total);
    m.free = static_cast<std::int64_t>(free);
    m.live = static_cast<std::int64_t>(used);
    m.peak = static_cast<std::int64_t>(high);
    m.cached = static_cast<std::int64_t>(reserved - used);
    const std::lock_guard guard(d.lock);
    m.allocations = d.allocations;
    return m;
  }
  void trim() override { note(cudaMemPoolTrimTo(context().device->pool, 0), "cudaMemPoolTrimTo"); }
  void reset_peak() override {
    std::uint64_t zero = 0;
    note(cudaMemPoolSetAttribute(context().device->pool, cudaMemPoolAttrUsedMemHigh, &zero),
         "cudaMemPoolSetAttribute");
  }

  void upload(void* to, const void* from, std::int64_t bytes) override {
    // From pageable memory, a copy returns when the source has been read.
    move(to, from, bytes, cudaMemcpyHostToDevice);
    cudaPointerAttributes source{};
    note(cudaPointerGetAttributes(&source, from), "cudaPointerGetAttributes");
    if (source.type != cudaMemoryTypeUnregistered) synchronize();
  }
  void download(void* to, const void* from, std::int64_t bytes) override {
    move(to, from, bytes, cudaMemcpyDeviceToHost);
    synchronize();
  }
  void copy(void* to, const void* from, std::int64_t bytes) override {
    move(to, from, bytes, cudaMemcpyDeviceToDevice);
  }
  void fill(void* to, int byte, std::int64_t bytes) override {
    if (bytes == 0) return;
    note(cudaMemsetAsync(to, byte, static_cast<std::size_t>(bytes), current_stream()),
         "cudaMemsetAsync");
  }
  void synchronize() override {
    note(cudaStreamSynchronize(context().device->stream), "cudaStreamSynchronize");
  }

  void begin_recording() override {
    Context& c = context();
    c.recording = private_stream();
    note(cudaStreamBeginCapture(c.recording, cudaStreamCaptureModeThreadLocal),
         "cudaStreamBeginCapture");
  }
  void* end_recording() override {
    Context& c = context();
    cudaGraph_t graph = nullptr;
    const cudaError_t status = cudaStreamEndCapture(c.recording, &graph);
    c.recording = nullptr;
    note(status, "cudaStreamEndCapture");
    if (status != cudaSuccess) return nullptr;
    cudaGraphExec_t executable = nullptr;
    note(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
    cudaGraphDestroy(graph);
    return executable;
  }
  void replay(void* recording) override {
    note(cudaGraphLaunch(static_cast<cudaGraphExec_t>(recording), current_stream()),
         "cudaGraphLaunch");
  }
  void discard(void* recording) override {
    cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(recording));
  }

  std::string take_error() override { return std::exchange(context().error, {}); }

 private:
  static void move(void* to, const void* from, std::int64_t bytes, cudaMemcpyKind kind) {
    if (bytes == 0) return;
    note(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), kind, current_stream()),
         "cudaMemcpyAsync");
  }
};

bool prepare(Device& d) {
  if (cudaSetDevice(d.index) != cudaSuccess) return false;
  if (cudaStreamCreateWithFlags(&d.stream, cudaStreamNonBlocking) != cudaSuccess) return false;
  if (cudaDeviceGetDefaultMemPool(&d.pool, d.index) != cudaSuccess) return false;
  std::uint64_t keep = ~std::uint64_t{0};
  return cudaMemPoolSetAttribute(d.pool, cudaMemPoolAttrReleaseThreshold, &keep) == cudaSuccess;
}

Library* find_devices() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  for (int i = 0; i < count; ++i) {
    auto d = std::make_unique<Device>();
    d->index = i;
    if (!prepare(*d)) {
      cudaGetLastError();
      break;  // devices are counted from 0 without gaps
    }
    devices.push_back(std::move(d));
  }
  if (devices.empty()) return nullptr;
  cudaSetDevice(0);
  install_kernels();
  install_cublaslt();
  install_cudnn();
  return new Library;
}

}  // namespace

cudaStream_t current_stream() {
  const Context& c = context();
  return c.recording != nullptr ? c.recording : c.device->stream;
}

void note(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // errors of launches stay until asked for
  std::string& error = context().error;
  if (error.empty()) error = std::string(call) + ": " + cudaGetErrorString(status);
}

const void* device_table(const void* table, std::size_t bytes) {
  Device& d = *context().device;
  std::string given(static_cast<const char*>(table), bytes);
  const std::lock_guard guard(d.lock);
  auto& [content, p] = *d.tables.try_emplace(std::move(given), nullptr).first;
  if (p == nullptr) {
    // Tables are found before recordings begin: plans run once without.
    note(cudaMallocAsync(&p, bytes, d.stream), "cudaMallocAsync");
    note(cudaMemcpyAsync(p, content.data(), bytes, cudaMemcpyHostToDevice, d.stream), "cudaMemcpyAsync");
  }
  return p;
}

void* device_scratch(std::int64_t bytes) {
  Device& d = *context().device;
  const std::lock_guard guard(d.lock);
  if (bytes > d.scratch_bytes || d.scratch.empty()) {
    void* p = nullptr;
    note(cudaMallocAsync(&p, static_cast<std::size_t>(bytes), d.stream), "cudaMallocAsync");
    d.scratch.push_back(p);
    d.scratch_bytes = bytes;
  }
  return d.scratch.back();
}

DeviceLibrary* library() {
  static Library* const instance = find_devices();
  return instance;
}

}  // namespace ingrad::kernels::cuda
