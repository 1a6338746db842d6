// SPDX-License-Identifier: Apache-2.0
#include "engine/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/convert.h"
#include "engine/io/file.h"

namespace ingrad {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "files hold little-endian numbers");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // of the reference implementation
constexpr std::string_view kMetadata = "__metadata__";

struct DTypeName {
  std::string_view name;
  DType dtype;
};
constexpr DTypeName kDTypes[] = {
    {"F64", DType::f64}, {"F32", DType::f32}, {"F16", DType::f16}, {"BF16", DType::bf16},
    {"I64", DType::i64}, {"I32", DType::i32}, {"U8", DType::u8},   {"BOOL", DType::boolean}};

class Parser {
 public:
  // `owner`: holds `bytes`, so that tensors can be views of it; null: tensors are copies.
  Parser(std::span<const std::byte> bytes, std::string_view what, Location where,
         std::shared_ptr<Storage> owner = nullptr)
      : bytes_(bytes), what_(what), where_(where), owner_(std::move(owner)) {}

  Safetensors parse() {
    const json header = parse_header();
    Safetensors file;
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadata) {
        read_metadata(value, file.metadata);
      } else {
        entries.push_back(read_entry(name, value));
      }
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t position = 0;
    for (const Entry& e : entries) {
      if (e.begin != position) {
        fail(fmt::format("'{}' begins at byte {} of the data, expected {}", e.name, e.begin,
                         position));
      }
      position = e.end;
      file.tensors.push_back({e.name, tensor_of(e)});
    }
    if (position != data_.size()) {
      fail(fmt::format("the tensors end at byte {} of {}", position, data_.size()));
    }
    return file;
  }

 private:
  struct Entry {
    std::string name;
    Shape shape;
    DType dtype;
    std::uint64_t begin, end;  // in data_
  };

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(fmt::format("{}: {}", what_, problem), where_);
  }

  json parse_header() {
    if (bytes_.size() < 8) fail(fmt::format("{} bytes are no safetensors file", bytes_.size()));
    std::uint64_t size = 0;
    std::memcpy(&size, bytes_.data(), 8);
    if (size > kMaxHeader || size > bytes_.size() - 8) {
      fail(fmt::format("a header of {} bytes in a file of {}", size, bytes_.size()));
    }
    const char* text = reinterpret_cast<const char*>(bytes_.data() + 8);
    data_ = bytes_.subspan(8 + static_cast<std::size_t>(size));
    // A later entry of the same name would silently hide the first.
    std::set<std::string> names;
    const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
      if (depth > 8) fail("the header is nested too deeply");
      if (depth == 1 && event == json::parse_event_t::key &&
          !names.insert(parsed.get<std::string>()).second) {
        fail(fmt::format("'{}' is given twice", parsed.get<std::string>()));
      }
      return true;
    };
    json header;
    try {
      header = json::parse(text, text + size, watch);
    } catch (const json::exception& e) {
      fail(fmt::format("the header is no JSON: {}", e.what()));
    }
    if (!header.is_object()) fail("the header is no JSON object");
    return header;
  }

  void read_metadata(const json& value, std::map<std::string, std::string>& to) const {
    if (!value.is_object()) fail("__metadata__ is no object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail(fmt::format("metadata '{}' is no string", key));
      to[key] = text.get<std::string>();
    }
  }

  std::uint64_t whole_number(const std::string& name, const json& value) const {
    if (!value.is_number_unsigned())
      fail(fmt::format("'{}' has {} for a size", name, value.dump()));
    return value.get<std::uint64_t>();
  }

  Entry read_entry(const std::string& name, const json& value) const {
    if (!value.is_object() || !value.contains("dtype") || !value["dtype"].is_string() ||
        !value.contains("shape") || !value["shape"].is_array() || !value.contains("data_offsets") ||
        !value["data_offsets"].is_array() || value["data_offsets"].size() != 2) {
      fail(fmt::format("'{}' lacks dtype, shape or data_offsets", name));
    }
    const std::string dtype_name = value["dtype"].get<std::string>();
    const auto known = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                    [&](const DTypeName& d) { return d.name == dtype_name; });
    if (known == std::end(kDTypes)) fail(fmt::format("'{}' has dtype {}", name, dtype_name));
    if (value["shape"].size() > static_cast<std::size_t>(kMaxRank)) {
      fail(fmt::format("'{}' has {} axes, at most {} are supported", name, value["shape"].size(),
                       kMaxRank));
    }
    std::vector<std::int64_t> extents;
    for (const json& extent : value["shape"]) {
      const std::uint64_t n = whole_number(name, extent);
      if (n > static_cast<std::uint64_t>(INT64_MAX))
        fail(fmt::format("'{}' has extent {}", name, n));
      extents.push_back(static_cast<std::int64_t>(n));
    }
    Shape shape;
    try {
      shape = Shape(extents, where_);
    } catch (const Error& e) {
      fail(fmt::format("'{}': {}", name, e.message()));
    }
    Entry entry{name, shape, known->dtype, whole_number(name, value["data_offsets"][0]),
                whole_number(name, value["data_offsets"][1])};
    if (entry.begin > entry.end || entry.end > data_.size()) {
      fail(fmt::format("'{}' occupies bytes {} to {} of {}", name, entry.begin, entry.end,
                       data_.size()));
    }
    const std::uint64_t element = static_cast<std::uint64_t>(size_of(entry.dtype));
    const std::uint64_t bytes = entry.end - entry.begin;
    if (bytes % element != 0 || bytes / element != static_cast<std::uint64_t>(entry.shape.size())) {
      fail(fmt::format("'{}' has {} bytes for {} {}", name, bytes, dtype_name, entry.shape.str()));
    }
    return entry;
  }

  Tensor tensor_of(const Entry& e) const {
    const std::size_t size = static_cast<std::size_t>(e.end - e.begin);
    const std::byte* from = data_.data() + e.begin;
    // Any other byte would be no value of C++'s bool.
    if (e.dtype == DType::boolean &&
        std::any_of(from, from + size, [](std::byte b) { return b > std::byte{1}; })) {
      fail(fmt::format("'{}' has a BOOL that is neither 0 nor 1", e.name));
    }
    const auto position = static_cast<std::size_t>(from - bytes_.data());
    if (owner_ && size > 0 && position % size_of(e.dtype) == 0) {
      return Tensor::view_of(owner_, {e.shape, e.dtype, {}},
                             static_cast<std::int64_t>(position / size_of(e.dtype)));
    }
    const Tensor t = Tensor::empty(e.shape, e.dtype, where_);
    if (size > 0) std::memcpy(t.mutable_raw(), from, size);
    return t;
  }

  std::span<const std::byte> bytes_;
  std::span<const std::byte> data_;
  std::string_view what_;
  Location where_;
  std::shared_ptr<Storage> owner_;
};

Tensor dense_copy(const Tensor& t) {
  if (t.is_contiguous()) return t;
  const Tensor copy = Tensor::empty(t.shape(), t.dtype());
  copy_strided(t.raw(), t.strides(), copy.mutable_raw(), copy.strides(), t.shape(), t.dtype());
  return copy;
}

}  // namespace

const Tensor& Safetensors::at(std::string_view name, Location where) const {
  std::string names;
  for (const NamedTensor& t : tensors) {
    if (t.name == name) return t.tensor;
    if (names.size() < 300) names += (names.empty() ? "" : ", ") + t.name;
  }
  throw Error(fmt::format("no tensor '{}'; there are {}", name, names), where);
}

Safetensors parse_safetensors(std::span<const std::byte> bytes, std::string_view what,
                              Location where) {
  return Parser(bytes, what, where).parse();
}

Safetensors read_safetensors(const std::string& path, Location where) {
  return parse_safetensors(read_file(path, std::int64_t{1} << 40, where), path, where);
}

Safetensors map_safetensors(const std::string& path, Location where) {
  const std::shared_ptr<Storage> file = map_file(path, where);
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(file->data()),
                                         static_cast<std::size_t>(file->bytes()));
  return Parser(bytes, path, where, file).parse();
}

void write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata, Location where) {
  const auto fail = [&](const std::string& problem) {
    throw Error(fmt::format("{}: {}", path, problem), where);
  };
  // Wide elements first: then every tensor is aligned to its element size.
  std::vector<NamedTensor> sorted;
  for (const NamedTensor& t : tensors) {
    if (!t.tensor.defined() || !t.tensor.has_data()) fail(fmt::format("'{}' has no data", t.name));
    sorted.push_back({t.name, dense_copy(t.tensor.detach())});
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const NamedTensor& a, const NamedTensor& b) {
    return size_of(a.tensor.dtype()) > size_of(b.tensor.dtype());
  });
  json header = json::object();
  if (!metadata.empty()) header[std::string(kMetadata)] = metadata;
  std::vector<std::span<const std::byte>> parts(2);
  std::uint64_t position = 0;
  for (const NamedTensor& t : sorted) {
    const auto known =
        std::find_if(std::begin(kDTypes), std::end(kDTypes),
                     [&](const DTypeName& d) { return d.dtype == t.tensor.dtype(); });
    if (known == std::end(kDTypes)) {
      fail(fmt::format("'{}' has dtype {}, which the format lacks", t.name,
                       name_of(t.tensor.dtype())));
    }
    if (t.name == kMetadata || header.contains(t.name)) {
      fail(fmt::format("the name '{}' is given twice or reserved", t.name));
    }
    const auto bytes = static_cast<std::uint64_t>(t.tensor.size()) *
                       static_cast<std::uint64_t>(size_of(t.tensor.dtype()));
    const auto extents = t.tensor.shape().extents();
    header[t.name] = {{"dtype", known->name},
                      {"shape", std::vector<std::int64_t>(extents.begin(), extents.end())},
                      {"data_offsets", {position, position + bytes}}};
    if (bytes > 0) {
      parts.emplace_back(static_cast<const std::byte*>(t.tensor.raw()),
                         static_cast<std::size_t>(bytes));
    }
    position += bytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& e) {
    fail(fmt::format("a name or metadata is no UTF-8: {}", e.what()));
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t size = text.size();
  parts[0] = std::as_bytes(std::span(&size, 1));
  parts[1] = std::as_bytes(std::span(text.data(), text.size()));
  write_file_atomically(path, parts, where);
}

}  // namespace ingrad
