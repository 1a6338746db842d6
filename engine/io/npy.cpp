// SPDX-License-Identifier: Apache-2.0
#include "engine/io/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/convert.h"
#include "engine/io/byte_reader.h"
#include "engine/io/file.h"
#include "engine/io/npy_header.h"
#include "engine/io/zip.h"

namespace ingrad {
namespace {

static_assert(std::endian::native == std::endian::little, "written files are little-endian");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;

// How elements of the file become elements of a tensor.
struct ElementType {
  std::string_view code;  // NumPy's kind and size in bytes
  std::size_t size;
  DType dtype;
};
constexpr ElementType kTypes[] = {
    {"f2", 2, DType::f16}, {"f4", 4, DType::f32}, {"f8", 8, DType::f64},     {"i4", 4, DType::i32},
    {"i8", 8, DType::i64}, {"u1", 1, DType::u8},  {"b1", 1, DType::boolean}, {"i1", 1, DType::i32},
    {"i2", 2, DType::i32}, {"u2", 2, DType::i32}, {"u4", 4, DType::i64},     {"u8", 8, DType::i64}};

// Integers that are widened on reading.
template <class From, class To>
void widen(const std::byte* from, std::int64_t count, void* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + static_cast<std::size_t>(i) * sizeof(From), sizeof(From));
    static_cast<To*>(to)[i] = static_cast<To>(value);
  }
}

std::vector<std::byte> swapped(std::span<const std::byte> bytes, std::size_t size) {
  std::vector<std::byte> result(bytes.begin(), bytes.end());
  for (std::size_t i = 0; i + size <= result.size(); i += size) {
    std::reverse(result.begin() + static_cast<std::ptrdiff_t>(i),
                 result.begin() + static_cast<std::ptrdiff_t>(i + size));
  }
  return result;
}

// Elements in the order of the file, in this machine's byte order.
void convert(std::span<const std::byte> from, const ElementType& type, const Tensor& to,
             const ByteReader& in) {
  const std::int64_t n = to.size();
  void* out = to.mutable_raw();
  const auto above = [](std::byte limit) { return [=](std::byte b) { return b > limit; }; };
  if (type.code == "b1" && std::any_of(from.begin(), from.end(), above(std::byte{1}))) {
    in.fail("a boolean is neither 0 nor 1");
  }
  if (type.code == "u8") {
    for (std::size_t i = 7; i < from.size(); i += 8) {
      if (from[i] > std::byte{0x7f}) in.fail("an unsigned 64-bit value is above 2^63 - 1");
    }
  }
  if (type.code == "i1") return widen<std::int8_t, std::int32_t>(from.data(), n, out);
  if (type.code == "i2") return widen<std::int16_t, std::int32_t>(from.data(), n, out);
  if (type.code == "u2") return widen<std::uint16_t, std::int32_t>(from.data(), n, out);
  if (type.code == "u4") return widen<std::uint32_t, std::int64_t>(from.data(), n, out);
  if (!from.empty()) std::memcpy(out, from.data(), from.size());
}

// The same elements, whose file had the first axis fastest, with the last axis fastest.
Tensor from_fortran_order(const Tensor& t) {
  Strides strides{};
  std::int64_t stride = 1;
  for (int axis = 0; axis < t.rank(); ++axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= t.shape()[axis];
  }
  const Tensor c = Tensor::empty(t.shape(), t.dtype());
  copy_strided(t.raw(), strides, c.mutable_raw(), c.strides(), t.shape(), t.dtype());
  return c;
}

DType written_as(DType dtype) {
  if (dtype == DType::bf16) return DType::f32;
  return dtype == DType::mask ? DType::boolean : dtype;
}

// Dense data of a dtype that NumPy has.
Tensor writable(const Tensor& t) {
  const DType dtype = written_as(t.dtype());
  if (dtype == t.dtype() && t.is_contiguous()) return t;
  Tensor dense = t;
  if (!t.is_contiguous()) {
    dense = Tensor::empty(t.shape(), t.dtype());
    copy_strided(t.raw(), t.strides(), dense.mutable_raw(), dense.strides(), t.shape(), t.dtype());
  }
  if (dtype == t.dtype()) return dense;
  const Tensor converted = Tensor::empty(t.shape(), dtype);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    store_element(converted.mutable_raw(), dtype, i, load_element(dense.raw(), t.dtype(), i));
  }
  return converted;
}

}  // namespace

Tensor parse_npy(std::span<const std::byte> bytes, std::string_view what, Location where) {
  ByteReader in(bytes, what, where);
  if (bytes.size() < 10 || in.take_text(kMagic.size(), "the signature") != kMagic) {
    in.fail("no NPY file: it does not begin with \\x93NUMPY");
  }
  const auto major = in.little<std::uint8_t>("the version");
  const auto minor = in.little<std::uint8_t>("the version");
  if (major < 1 || major > 3 || minor != 0) {
    in.fail(fmt::format("NPY version {}.{}, expected 1.0, 2.0 or 3.0", major, minor));
  }
  const std::uint64_t header_size = major == 1 ? in.little<std::uint16_t>("the header's length")
                                               : in.little<std::uint32_t>("the header's length");
  const NpyHeader header = parse_npy_header(in.take_text(header_size, "the header"), what, where);
  const std::string& descr = header.descr;
  const auto type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const ElementType& t) {
    return descr.size() == 3 && descr.substr(1) == t.code;
  });
  const bool has_order =
      !descr.empty() && std::string_view("<>=|").find(descr[0]) != std::string::npos;
  if (type == std::end(kTypes) || !has_order || (descr[0] == '|' && type->size > 1)) {
    in.fail(
        fmt::format("element type '{}', expected one of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 after "
                    "'<' or '>'",
                    printable(descr)));
  }
  Shape shape;
  try {
    shape = Shape(header.shape, where);
  } catch (const Error& e) {
    in.fail(e.message());
  }
  const auto count = static_cast<std::uint64_t>(shape.size());
  if (count != in.remaining() / type->size || in.remaining() % type->size != 0) {
    in.fail(fmt::format("{} bytes of data, expected {} elements '{}' for the shape {}",
                        in.remaining(), count, descr, shape.str()));
  }
  const auto raw = in.take(in.remaining(), "the data");
  const Tensor result = Tensor::empty(shape, type->dtype, where);
  if (descr[0] == '>' && type->size > 1) {
    convert(swapped(raw, type->size), *type, result, in);
  } else {
    convert(raw, *type, result, in);
  }
  return header.fortran_order && shape.rank() > 1 ? from_fortran_order(result) : result;
}

Tensor read_npy(const std::string& path, Location where) {
  return parse_npy(read_file(path, kInflateLimit << 8, where), path, where);
}

std::vector<std::byte> format_npy(const Tensor& tensor, Location where) {
  if (!tensor.defined() || !tensor.has_data()) throw Error("npy: a tensor without data", where);
  const Tensor t = writable(tensor.detach());
  const auto type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                 [&](const ElementType& e) { return e.dtype == t.dtype(); });
  std::string shape;
  for (const std::int64_t extent : t.shape()) shape += fmt::format("{}, ", extent);
  if (t.rank() > 1) shape.resize(shape.size() - 2);
  if (t.rank() == 1) shape.pop_back();
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   type->size == 1 ? '|' : '<', type->code, shape);
  // Signature, version, length and header together fill whole blocks, so that the data are aligned.
  const std::size_t before = kMagic.size() + 4;
  const std::size_t total = (before + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.resize(total - before - 1, ' ');
  header += '\n';
  std::string head(kMagic);
  head += '\x01';
  head += '\0';
  head += static_cast<char>(header.size() & 0xff);
  head += static_cast<char>(header.size() >> 8);
  head += header;
  const auto data_size = static_cast<std::size_t>(t.spec().bytes());
  std::vector<std::byte> bytes(head.size() + data_size);
  std::memcpy(bytes.data(), head.data(), head.size());
  if (data_size > 0) std::memcpy(bytes.data() + head.size(), t.raw(), data_size);
  return bytes;
}

void write_npy(const std::string& path, const Tensor& tensor, Location where) {
  const std::vector<std::byte> bytes = format_npy(tensor, where);
  const std::span<const std::byte> parts[] = {bytes};
  write_file_atomically(path, parts, where);
}

NamedTensors parse_npz(std::span<const std::byte> bytes, std::string_view what, Location where) {
  const ZipReader zip(bytes, what, kInflateLimit, where);
  NamedTensors tensors;
  for (const ZipReader::Member& m : zip.members()) {
    const std::string inner = fmt::format("{}, member '{}'", what, printable(m.name));
    if (!m.name.ends_with(".npy"))
      throw Error(inner + ": expected a name that ends in .npy", where);
    tensors.push_back({m.name.substr(0, m.name.size() - 4), parse_npy(zip.read(m), inner, where)});
  }
  return tensors;
}

NamedTensors read_npz(const std::string& path, Location where) {
  return parse_npz(read_file(path, kInflateLimit, where), path, where);
}

void write_npz(const std::string& path, std::span<const NamedTensor> tensors, bool compress,
               Location where) {
  ZipWriter zip;
  for (const NamedTensor& t : tensors) {
    zip.add(t.name + ".npy", format_npy(t.tensor, where), compress, where);
  }
  const std::vector<std::byte> bytes = zip.finish();
  const std::span<const std::byte> parts[] = {bytes};
  write_file_atomically(path, parts, where);
}

}  // namespace ingrad
