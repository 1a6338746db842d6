// SPDX-License-Identifier: Apache-2.0
#include "engine/io/state_dict.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/convert.h"
#include "engine/io/byte_reader.h"
#include "engine/io/file.h"
#include "engine/io/pickle.h"
#include "engine/io/zip.h"

namespace ingrad {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kPickle = "/data.pkl";

struct StorageType {
  std::string_view name;
  DType dtype;
};
constexpr StorageType kStorages[] = {
    {"torch DoubleStorage", DType::f64}, {"torch FloatStorage", DType::f32},
    {"torch HalfStorage", DType::f16},   {"torch BFloat16Storage", DType::bf16},
    {"torch LongStorage", DType::i64},   {"torch IntStorage", DType::i32},
    {"torch ByteStorage", DType::u8},    {"torch BoolStorage", DType::boolean}};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::string_view what, Location where)
      : what_(what), where_(where), zip_(bytes, what, kInflateLimit, where) {}

  NamedTensors read() {
    // The folder inside the archive has the name of the file when it was written.
    const ZipReader::Member* pickle = nullptr;
    for (const ZipReader::Member& m : zip_.members()) {
      if (m.name.ends_with(kPickle) && m.name.find('/') == m.name.size() - kPickle.size()) {
        pickle = &m;
      }
    }
    if (pickle == nullptr) fail("no PyTorch file: the archive has no member NAME/data.pkl");
    folder_ = pickle->name.substr(0, pickle->name.size() - kPickle.size());
    if (const auto* order = zip_.find(folder_ + "/byteorder")) {
      const std::vector<std::byte> text = zip_.read(*order);
      const std::string_view name(reinterpret_cast<const char*>(text.data()), text.size());
      if (name != "little") {
        fail(fmt::format("byte order '{}', expected little", printable(name)));
      }
    }
    const std::vector<std::byte> code = zip_.read(*pickle);
    const PickleFile file = parse_pickle(code, fmt::format("{}, {}", what_, pickle->name), where_);
    const PickleValue* state = file.root;
    if (!state->is(Kind::dict)) fail("expected a dictionary of tensors");
    for (std::size_t i = 0; i < state->items.size(); i += 2) {
      if (state->items[i]->text == "state_dict" && state->items[i + 1]->is(Kind::dict)) {
        state = state->items[i + 1];
        break;
      }
    }
    NamedTensors tensors;
    for (std::size_t i = 0; i < state->items.size(); i += 2) {
      const PickleValue* key = state->items[i];
      if (!key->is(Kind::text)) fail("a key of the dictionary is no text");
      tensors.push_back({key->text, tensor_of(state->items[i + 1], printable(key->text))});
    }
    return tensors;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(fmt::format("{}: {}", what_, problem), where_);
  }

  Tensor tensor_of(const PickleValue* value, const std::string& name) {
    if (value->is_call_of("torch._utils _rebuild_parameter") && !value->items[1]->items.empty()) {
      value = value->items[1]->items[0];
    }
    if (!value->is_call_of("torch._utils _rebuild_tensor_v2")) {
      const bool is_call = value->is(Kind::call) && value->items[0]->is(Kind::global);
      fail(fmt::format("'{}' is no tensor{}", name,
                       is_call ? ": it calls " + printable(value->items[0]->text) : ""));
    }
    // (storage, offset, size, stride, requires_grad, hooks)
    const auto& arguments = value->items[1]->items;
    if (arguments.size() < 4 || !arguments[0]->is(Kind::persistent) ||
        !arguments[1]->is(Kind::integer)) {
      fail(fmt::format("'{}' is a damaged tensor", name));
    }
    const std::vector<std::int64_t> extents = integers(arguments[2], name);
    const std::vector<std::int64_t> steps = integers(arguments[3], name);
    if (extents.size() != steps.size()) fail(fmt::format("'{}' has no stride for each axis", name));
    DType dtype = DType::f32;
    const std::vector<std::byte>& data = storage_of(arguments[0]->items[0], name, dtype);
    const auto available = static_cast<std::int64_t>(data.size() / size_of(dtype));
    const std::int64_t offset = arguments[1]->integer;
    Shape shape;
    try {
      shape = Shape(extents, where_);
    } catch (const Error& e) {
      fail(fmt::format("'{}': {}", name, e.message()));
    }
    // The last element; each step is held within the storage, so that nothing overflows.
    Strides strides{};
    std::int64_t last = offset;
    bool inside = offset >= 0 && offset <= available && shape.size() <= available;
    for (std::size_t a = 0; a < steps.size() && inside && shape.size() > 0; ++a) {
      strides[a] = extents[a] > 1 ? steps[a] : 0;
      inside =
          strides[a] >= 0 && (strides[a] == 0 || extents[a] - 1 <= (available - last) / strides[a]);
      if (inside) last += (extents[a] - 1) * strides[a];
    }
    if (!inside || (shape.size() > 0 && last >= available)) {
      fail(fmt::format("'{}' of shape {} reaches beyond the {} elements of its data", name,
                       shape.str(), available));
    }
    const Tensor result = Tensor::empty(shape, dtype, where_);
    if (shape.size() == 0) return result;
    if (dtype == DType::boolean &&
        std::any_of(data.begin(), data.end(), [](std::byte b) { return b > std::byte{1}; })) {
      fail(fmt::format("'{}' has a bool that is neither 0 nor 1", name));
    }
    copy_strided(data.data() + static_cast<std::size_t>(offset) * size_of(dtype), strides,
                 result.mutable_raw(), result.strides(), shape, dtype);
    return result;
  }

  std::vector<std::int64_t> integers(const PickleValue* tuple, const std::string& name) const {
    std::vector<std::int64_t> values;
    for (const PickleValue* v : tuple->items) {
      if (!v->is(Kind::integer) || v->integer < 0) {
        fail(fmt::format("'{}' has a size or stride that is no whole number", name));
      }
      values.push_back(v->integer);
    }
    return values;
  }

  // ("storage", type, key, device, number of elements): the member data/KEY.
  const std::vector<std::byte>& storage_of(const PickleValue* id, const std::string& name,
                                           DType& dtype) {
    const auto& parts = id->items;
    if (!id->is(Kind::tuple) || parts.size() < 3 || !parts[1]->is(Kind::global) ||
        !parts[2]->is(Kind::text)) {
      fail(fmt::format("'{}' names no storage", name));
    }
    const auto* type = std::find_if(std::begin(kStorages), std::end(kStorages),
                                    [&](const StorageType& s) { return s.name == parts[1]->text; });
    if (type == std::end(kStorages)) {
      fail(fmt::format("'{}' has elements of {}, which is not supported", name,
                       printable(parts[1]->text)));
    }
    dtype = type->dtype;
    const std::string member = folder_ + "/data/" + parts[2]->text;
    const auto it = storages_.find(member);
    if (it != storages_.end()) return it->second;
    const ZipReader::Member* found = zip_.find(member);
    if (found == nullptr) fail(fmt::format("'{}' needs the member {}", name, printable(member)));
    return storages_[member] = zip_.read(*found);
  }

  std::string_view what_;
  Location where_;
  ZipReader zip_;
  std::string folder_;
  std::map<std::string, std::vector<std::byte>> storages_;  // several tensors may share one
};

}  // namespace

NamedTensors parse_state_dict(std::span<const std::byte> bytes, std::string_view what,
                              Location where) {
  return Reader(bytes, what, where).read();
}

NamedTensors read_state_dict(const std::string& path, Location where) {
  const std::vector<std::byte> bytes = read_file(path, kInflateLimit, where);
  return parse_state_dict(bytes, path, where);
}

}  // namespace ingrad
