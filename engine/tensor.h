// SPDX-License-Identifier: Apache-2.0
// Tensor: an immutable value handle. Copies share the same data; views share its storage. There
// are no in-place operations: parameters change by `assign` only.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/spec.h"
#include "engine/storage.h"

namespace ingrad {

struct Node;   // engine/node.h: how a recorded tensor was computed
class Graph;   // engine/graph.h: a traced program
struct TensorImpl;

// What a tracked leaf asks of the nodes that are recorded from it.
struct TrackOptions {
  // Keep every input and output of every node, not only what its own derivative rule reads: needed
  // when rules are substituted (LRP, DeepLIFT) or intermediates are looked at afterwards.
  bool save_all = false;
};

class Tensor {
 public:
  Tensor() = default;  // undefined

  // ---- creation, on current_device() (engine/device.h) ----
  // Uninitialised; and filled with one value.
  static Tensor empty(const Shape& shape, DType dtype = DType::f32,
                      Location where = Location::current());
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32,
                     Location where = Location::current());
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32,
                      Location where = Location::current()) {
    return full(shape, 0, dtype, where);
  }
  static Tensor ones(const Shape& shape, DType dtype = DType::f32,
                     Location where = Location::current()) {
    return full(shape, 1, dtype, where);
  }
  // start, start + step, ... (count elements), rank 1.
  static Tensor arange(std::int64_t count, DType dtype = DType::i64, double start = 0,
                       double step = 1);
  // Copies `values`, whose number must equal shape.size(). T: float, double, int32_t, int64_t,
  // uint8_t, bool.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape,
                     Location where = Location::current());
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape,
                     Location where = Location::current()) {
    return from(std::span<const T>(values), shape, where);
  }
  template <class T>
  static Tensor from(std::initializer_list<T> values, const Shape& shape,
                     Location where = Location::current()) {
    return from(std::span<const T>(values.begin(), values.size()), shape, where);
  }
  // Rank 0.
  static Tensor scalar(double value, DType dtype = DType::f32);
  // A tensor over existing memory; `offset` in elements.
  static Tensor view_of(std::shared_ptr<Storage> storage, const TensorSpec& spec,
                        std::int64_t offset = 0);
  // A strided view of this tensor's storage, not recorded; the caller guarantees the bounds.
  Tensor as_strided(const Shape& shape, const Strides& strides, std::int64_t offset) const;

  // ---- properties ----
  bool defined() const { return impl_ != nullptr; }
  explicit operator bool() const { return defined(); }
  const TensorSpec& spec() const;
  const Shape& shape() const { return spec().shape; }
  DType dtype() const { return spec().dtype; }
  const Device& device() const { return spec().device; }
  int rank() const { return shape().rank(); }
  std::int64_t size() const { return shape().size(); }
  std::int64_t dim(std::int64_t axis) const;  // negative axes count from the end
  const Strides& strides() const;             // in elements
  std::int64_t offset() const;                // in elements
  bool is_contiguous() const;
  // False for tensors that stand for a value of a traced program or were recorded without data.
  bool has_data() const;

  // ---- data ----
  // Pointer to the first element; T must match the dtype (Error otherwise). Elements lie at
  // strides(); use contiguous() (engine/ops/elementwise.h) for a dense one.
  template <class T>
  const T* data(Location where = Location::current()) const;
  const void* raw(Location where = Location::current()) const;
  // As raw(), for whoever reads there at once; Error while a plan is built, when addresses stand
  // for memory to come. data(), item() and to_vector() ask this.
  const void* values(Location where = Location::current()) const;
  // For whoever has just created the tensor and not yet shared it.
  void* mutable_raw(Location where = Location::current()) const;
  template <class T>
  T* mutable_data(Location where = Location::current()) const {
    return const_cast<T*>(data<T>(where));
  }
  // The same values on another device (itself where it is there already); gradients come back.
  // Waits for kernels on the way from a device to the host.
  Tensor to(Device device, Location where = Location::current()) const;
  // The value of a one-element tensor, on any device; as to_vector().
  double item(Location where = Location::current()) const;
  // All elements in row-major order, converted.
  template <class T>
  std::vector<T> to_vector(Location where = Location::current()) const;

  // ---- recording ----
  // A leaf with the same data from which computations are recorded. If this tensor is itself
  // recorded, the leaf is connected to it.
  Tensor track(const TrackOptions& options = {}) const;
  // The same data, not recorded.
  Tensor detach() const;
  bool is_tracked() const;
  // Overwrites the data of this tensor (and of all that share it). Same shape and dtype, not
  // traced; Error otherwise.
  void assign(const Tensor& value, Location where = Location::current()) const;

  // Moves the data of this handle and its copies to another device, for owners of parameters
  // (Module::to); what was recorded or sliced from them before stays where it is.
  void relocate(Device device, Location where = Location::current()) const;

  std::string str(int max_elements = 64) const;  // for messages and debugging

  // ---- for the engine ----
  explicit Tensor(std::shared_ptr<const TensorImpl> impl) : impl_(std::move(impl)) {}
  const TensorImpl& impl() const { return *impl_; }
  bool same_as(const Tensor& other) const { return impl_ == other.impl_; }

 private:
  std::shared_ptr<const TensorImpl> impl_;
};

struct TensorImpl {
  TensorSpec spec;
  Strides strides{};
  std::int64_t offset = 0;
  std::shared_ptr<Storage> storage;   // null: no data
  std::shared_ptr<Node> node;         // null: not recorded
  int output = 0;                     // which output of `node`
  std::shared_ptr<Graph> graph;       // set for values of a traced program
  int value = -1;                     // its number there
};

}  // namespace ingrad
