// SPDX-License-Identifier: Apache-2.0
#include "engine/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engine/convert.h"
#include "engine/dense.h"
#include "engine/device.h"
#include "engine/differentiate.h"
#include "engine/kernel_recorder.h"
#include "engine/node.h"

namespace ingrad {
namespace {

const TensorImpl& checked(const std::shared_ptr<const TensorImpl>& impl, Location where) {
  if (!impl) throw Error("tensor: used before it was given a value", where);
  return *impl;
}

Tensor with_node(const Tensor& t, std::shared_ptr<Node> node) {
  auto impl = std::make_shared<TensorImpl>(t.impl());
  impl->node = std::move(node);
  impl->output = 0;
  return Tensor(std::move(impl));
}

// A tensor with values that are known now, which fill(tensor) writes, also where ops are only noted
// down: kernels may then read it for as long as the recording lives.
template <class Fill>
Tensor known(const Shape& shape, DType dtype, const Fill& fill, Location where) {
  KernelRecorder* const recorder = KernelRecorder::active();
  const RecordingScope suspended(nullptr);
  const Device device = current_device();
  Tensor t;
  {
    const DeviceScope host{Device{}};
    t = Tensor::empty(shape, dtype, where);
    fill(t);
  }
  t = t.to(device, where);
  if (recorder != nullptr) recorder->hold(t.impl().storage);
  return t;
}

Tensor moved(const Tensor& t, Device device, Location where) {
  const RecordingScope suspended(nullptr);
  t.values(where);
  const bool from_host = t.device().kind == Device::Kind::cpu;
  Tensor source, target;
  {
    const DeviceScope there(t.device(), where);
    source = dense(t, backend_of(t.device()), where);
  }
  {
    const DeviceScope here(device, where);
    target = Tensor::empty(t.shape(), t.dtype(), where);
  }
  const std::int64_t bytes = t.spec().bytes();
  if (bytes > 0) {
    kernels::DeviceLibrary& library = library_of(from_host ? device : t.device(), where);
    if (from_host) {
      library.upload(target.mutable_raw(), source.raw(), bytes);
    } else if (device.kind == Device::Kind::cpu) {
      library.download(target.mutable_raw(), source.raw(), bytes);
    } else {
      throw Error(fmt::format("to: from {} to {}; go by way of the cpu", t.device().str(),
                              device.str()),
                  where);
    }
    check_device_errors("to", where);
  }
  return target;
}

}  // namespace

Tensor Tensor::view_of(std::shared_ptr<Storage> storage, const TensorSpec& spec,
                       std::int64_t offset) {
  auto impl = std::make_shared<TensorImpl>();
  impl->spec = spec;
  impl->strides = contiguous_strides(spec.shape);
  impl->offset = offset;
  impl->storage = std::move(storage);
  return Tensor(std::move(impl));
}

Tensor Tensor::as_strided(const Shape& shape, const Strides& strides, std::int64_t offset) const {
  auto impl = std::make_shared<TensorImpl>();
  impl->spec = {shape, dtype(), device()};
  impl->strides = strides;
  impl->offset = offset;
  impl->storage = impl_->storage;
  return Tensor(std::move(impl));
}

Tensor Tensor::empty(const Shape& shape, DType dtype, Location where) {
  const TensorSpec spec{shape, dtype, current_device()};
  return view_of(Storage::allocate(spec.bytes(), spec.device, where), spec);
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Location where) {
  const Tensor t = empty(shape, dtype, where);
  fill_elements(t, value);
  return t;
}

Tensor Tensor::scalar(double value, DType dtype) { return full(Shape{}, value, dtype); }

Tensor Tensor::arange(std::int64_t count, DType dtype, double start, double step) {
  return known(
      Shape{count}, dtype,
      [&](const Tensor& t) {
        for (std::int64_t i = 0; i < count; ++i) {
          store_element(t.mutable_raw(), dtype, i, start + step * static_cast<double>(i));
        }
      },
      Location::current());
}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape, Location where) {
  if (static_cast<std::int64_t>(values.size()) != shape.size()) {
    throw Error(fmt::format("from: {} values for shape {}, which has {} elements", values.size(),
                            shape.str(), shape.size()),
                where);
  }
  return known(
      shape, dtype_of<T>(),
      [&](const Tensor& t) {
        std::copy(values.begin(), values.end(), static_cast<T*>(t.mutable_raw()));
      },
      where);
}

const TensorSpec& Tensor::spec() const { return checked(impl_, Location::current()).spec; }
const Strides& Tensor::strides() const { return checked(impl_, Location::current()).strides; }
std::int64_t Tensor::offset() const { return checked(impl_, Location::current()).offset; }
bool Tensor::has_data() const { return impl_ && impl_->storage != nullptr; }
bool Tensor::is_tracked() const { return impl_ && impl_->node != nullptr; }

std::int64_t Tensor::dim(std::int64_t axis) const {
  return shape()[normalize_axis("dim", axis, rank())];
}

bool Tensor::is_contiguous() const {
  const Shape& s = shape();
  std::int64_t step = 1;
  for (int i = s.rank() - 1; i >= 0; --i) {
    if (s[i] == 0) return true;
    if (s[i] != 1 && strides()[static_cast<std::size_t>(i)] != step) return false;
    step *= s[i];
  }
  return true;
}

void* Tensor::mutable_raw(Location where) const {
  const TensorImpl& t = checked(impl_, where);
  if (!t.storage) {
    throw Error(fmt::format("tensor: {} stands for a value without data (it belongs to a traced "
                            "program, or its data was not kept)",
                            t.spec.str()),
                where);
  }
  return static_cast<char*>(t.storage->data()) +
         t.offset * static_cast<std::int64_t>(size_of(t.spec.dtype));
}

const void* Tensor::values(Location where) const {
  const void* p = raw(where);
  if (impl_->storage->is_symbolic()) {
    throw Error(fmt::format("tensor: the values of {} are not known while a plan is built; an op "
                            "or function that looks at them cannot be part of it",
                            spec().str()),
                where);
  }
  return p;
}

const void* Tensor::raw(Location where) const { return mutable_raw(where); }

template <class T>
const T* Tensor::data(Location where) const {
  if (dtype() != dtype_of<T>()) {
    throw Error(fmt::format("data: asked for {} elements of a {} tensor", name_of(dtype_of<T>()),
                            name_of(dtype())),
                where);
  }
  if (device().kind != Device::Kind::cpu) {
    throw Error(fmt::format("data: {} is on {}; call to() for a copy on the cpu", spec().str(),
                            device().str()),
                where);
  }
  return static_cast<const T*>(values(where));
}

Tensor Tensor::to(Device device, Location where) const {
  checked(impl_, where);
  if (device == this->device()) return *this;
  if (impl_->graph) {
    throw Error("to: a program runs on one device; move what it is given", where);
  }
  if (!is_tracked()) return moved(*this, device, where);
  const auto forward = [device, where](std::span<const Tensor> in) {
    return std::vector<Tensor>{in[0].to(device, where)};
  };
  const Device back = this->device();
  return custom(forward, [back, where](const VjpArgs& a) {
    return std::vector<Tensor>{a.cotangents[0].to(back, where)};
  }, {this, 1}, where).front();
}

double Tensor::item(Location where) const {
  if (size() != 1) {
    throw Error(fmt::format("item: tensor of shape {} has {} elements, expected one", shape().str(),
                            size()),
                where);
  }
  if (device().kind != Device::Kind::cpu) return detach().to({}, where).item(where);
  return load_element(values(where), dtype(), 0);
}

template <class T>
std::vector<T> Tensor::to_vector(Location where) const {
  std::vector<T> out(static_cast<std::size_t>(size()));
  if (out.empty()) return out;
  const void* base = values(where);
  if (device().kind != Device::Kind::cpu) return detach().to({}, where).to_vector<T>(where);
  std::array<std::int64_t, kMaxRank> at{};
  for (auto&& o : out) {
    std::int64_t p = 0;
    for (int a = 0; a < rank(); ++a) {
      p += at[static_cast<std::size_t>(a)] * strides()[static_cast<std::size_t>(a)];
    }
    // Integers beyond 2^53 must survive, so they do not pass through double.
    if (dtype() == DType::i64) {
      o = static_cast<T>(static_cast<const std::int64_t*>(base)[p]);
    } else {
      o = convert_to<T>(load_element(base, dtype(), p));
    }
    for (int a = rank() - 1; a >= 0; --a) {
      if (++at[static_cast<std::size_t>(a)] < shape()[a]) break;
      at[static_cast<std::size_t>(a)] = 0;
    }
  }
  return out;
}

Tensor Tensor::track(const TrackOptions& options) const {
  checked(impl_, Location::current());
  return with_node(*this, Node::leaf(*this, options));
}

Tensor Tensor::detach() const {
  if (!is_tracked()) return *this;
  return with_node(*this, nullptr);
}

void Tensor::assign(const Tensor& value, Location where) const {
  if (value.spec() != spec()) {
    throw Error(
        fmt::format("assign: {} given for a tensor of {}", value.spec().str(), spec().str()),
        where);
  }
  values(where);
  value.values(where);
  if (device().kind != Device::Kind::cpu) {
    copy_elements(value.detach(), detach(), Backend::cuda, where);
    return;
  }
  copy_strided(value.values(where), value.strides(), mutable_raw(where), strides(), shape(),
               dtype());
}

void Tensor::relocate(Device device, Location where) const {
  const Tensor there = detach().to(device, where);
  // Handles are const to all but their owner.
  auto& impl = const_cast<TensorImpl&>(checked(impl_, where));
  impl.spec = there.spec();
  impl.strides = there.strides();
  impl.offset = there.offset();
  impl.storage = there.impl().storage;
}

std::string Tensor::str(int max_elements) const {
  if (!defined()) return "undefined";
  if (!has_data()) return spec().str();
  std::string out = spec().str() + " {";
  const auto values = to_vector<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (static_cast<int>(i) == max_elements) {
      out += ", ...";
      break;
    }
    out += fmt::format("{}{:.6g}", i == 0 ? "" : ", ", values[i]);
  }
  return out + "}";
}

#define INGRAD_INSTANTIATE(T)                                                  \
  template Tensor Tensor::from<T>(std::span<const T>, const Shape&, Location); \
  template const T* Tensor::data<T>(Location) const;                           \
  template std::vector<T> Tensor::to_vector<T>(Location) const;
INGRAD_INSTANTIATE(float)
INGRAD_INSTANTIATE(double)
INGRAD_INSTANTIATE(std::int32_t)
INGRAD_INSTANTIATE(std::int64_t)
INGRAD_INSTANTIATE(std::uint8_t)
INGRAD_INSTANTIATE(bool)
#undef INGRAD_INSTANTIATE

}  // namespace ingrad
